use std::{collections::BTreeSet, thread};

use tempfile::TempDir;

use super::*;
use crate::disk::FileStat;

fn profile(dir: &TempDir) -> Profile {
    Profile::locate(Some(&dir.path().join("home"))).unwrap()
}

#[test]
fn a_home_holds_everything_and_is_made_only_when_needed() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    assert_eq!(profile.config_dir(), dir.path().join("home"));
    assert_eq!(profile.cache_dir(), dir.path().join("home/cache"));
    assert_eq!(profile.settings().unwrap(), Settings::default());
    assert!(!profile.config_dir().exists());
}

#[cfg(unix)]
#[test]
fn the_key_is_kept_and_private() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    let id = profile.peer_id().unwrap();
    assert_eq!(profile.peer_id().unwrap(), id);
    let path = profile.config_dir().join("identity");
    assert_eq!(FileStat::at(&path).unwrap().mode, 0o600);
    assert_eq!(FileStat::at(profile.config_dir()).unwrap().mode, 0o700);
    let names: Vec<_> = fs::read_dir(profile.config_dir()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing but the identity: {names:?}");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_could_read_is_closed_to_them() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    let id = profile.peer_id().unwrap();
    let path = profile.config_dir().join("identity");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(profile.peer_id().unwrap(), id);
    assert_eq!(FileStat::at(&path).unwrap().mode, 0o600);
}

#[test]
fn all_who_start_at_once_get_one_key() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    let ids: BTreeSet<PeerId> = thread::scope(|scope| {
        let started: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| profile.peer_id().unwrap()))
            .collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1);
    assert_eq!(ids.first(), Some(&profile.peer_id().unwrap()));
}

#[test]
fn a_damaged_key_is_reported_and_never_replaced() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    profile.secret_key().unwrap();
    let path = profile.config_dir().join("identity");
    let good = fs::read(&path).unwrap();
    for bad in [
        &good[..10],
        &good[..63],
        b"",
        b"\xff\xfe",
        &[good.clone(), good.clone()].concat(),
    ] {
        fs::write(&path, bad).unwrap();
        let failure = profile.secret_key().unwrap_err();
        assert_eq!(failure.kind, FailureKind::LocalDisk);
        assert!(failure.message.contains("identity"), "{failure}");
        assert!(failure.hint.unwrap().contains("tickets"));
        assert_eq!(fs::read(&path).unwrap(), bad);
    }
}

#[test]
fn any_bit_that_flips_in_a_key_is_noticed() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    let id = profile.peer_id().unwrap();
    let path = profile.config_dir().join("identity");
    let good = fs::read(&path).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bad).unwrap();
        // A digit may become its capital, and a line break another space.
        if let Ok(other) = profile.peer_id() {
            assert_eq!(other, id, "bit {bit}");
        }
        assert_eq!(fs::read(&path).unwrap(), bad);
    }
}

#[test]
fn a_key_without_its_public_half_counts() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    let id = profile.peer_id().unwrap();
    let path = profile.config_dir().join("identity");
    let good = fs::read_to_string(&path).unwrap();
    let secret = good.lines().next().unwrap();
    fs::write(&path, secret).unwrap();
    assert_eq!(profile.peer_id().unwrap(), id);
}

#[test]
fn keys_of_those_who_were_killed_are_swept() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    let id = profile.peer_id().unwrap();
    let left = profile.config_dir().join("identity.12-18a5-0.new");
    let own = profile.config_dir().join("identity.backup.new");
    fs::write(&left, "half a key").unwrap();
    fs::write(&own, "a copy of mine").unwrap();
    assert_eq!(profile.peer_id().unwrap(), id);
    assert!(!left.exists());
    assert!(own.exists(), "that is not Grove's");
}

#[test]
fn settings_are_read() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    fs::create_dir(profile.config_dir()).unwrap();
    let text = "offline = true\nlan = false\nlimit-rate = \"10M\"\nwait = \"forever\"\n";
    fs::write(profile.config_dir().join("config.toml"), text).unwrap();
    let settings = profile.settings().unwrap();
    assert_eq!(settings.offline, Some(true));
    assert_eq!(settings.lan, Some(false));
    assert_eq!(settings.limit_rate.as_deref(), Some("10M"));
    assert_eq!(settings.wait.as_deref(), Some("forever"));
}

#[test]
fn a_mistake_in_the_settings_is_named_with_its_line() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    fs::create_dir(profile.config_dir()).unwrap();
    let path = profile.config_dir().join("config.toml");
    for (text, line) in [
        ("offline = true\n\nofline = true\n", "line 3"),
        ("offline = 7\n", "line 1"),
        ("lan = true\nwait =\n", "line 2"),
    ] {
        fs::write(&path, text).unwrap();
        let failure = profile.settings().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
        assert!(failure.message.contains("config.toml"), "{failure}");
        assert!(failure.message.contains(line), "{failure}");
        assert!(!failure.message.contains('\n'), "{failure}");
    }
    fs::write(&path, b"\xff\n").unwrap();
    assert_eq!(profile.settings().unwrap_err().kind, FailureKind::Usage);
}

#[test]
fn each_share_has_a_key_of_its_own_that_stays() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    let key = |content: &[u8]| profile.share_key(&Hash::new(content)).unwrap().to_bytes();
    assert_eq!(key(b"one"), key(b"one"), "its ticket stays good");
    assert_ne!(key(b"one"), key(b"two"));
    assert_ne!(key(b"one"), profile.secret_key().unwrap().to_bytes());
    let other = TempDir::new().unwrap();
    let other = self::profile(&other).share_key(&Hash::new(b"one")).unwrap();
    assert_ne!(key(b"one"), other.to_bytes(), "nor is it anybody else's");
}

fn hub(name: &str, pin: u8) -> crate::content::HubTicket {
    crate::content::HubTicket {
        hosts: vec![format!("{name}:443"), "192.0.2.7:3443".into()],
        quic_port: None,
        relay: true,
        directory: true,
        pin: Some([pin; 32]),
        token: Some("a-token".into()),
    }
}

#[test]
fn hubs_are_kept_in_order_and_private() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    assert_eq!(profile.hubs().unwrap(), []);
    let (one, two) = (hub("one.example", 1), hub("two.example", 2));
    assert!(!profile.join_hub(one.clone()).unwrap());
    assert!(!profile.join_hub(two.clone()).unwrap());
    assert_eq!(profile.hubs().unwrap(), [one.clone(), two.clone()]);
    let path = profile.config_dir().join("hubs.toml");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        // As out of a backup.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        profile.hubs().unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    // A new ticket of the same hub, under another name; and a hub that was set up anew.
    let moved = crate::content::HubTicket {
        token: None,
        ..hub("moved.example", 1)
    };
    assert!(profile.join_hub(moved.clone()).unwrap());
    let anew = hub("two.example", 3);
    assert!(profile.join_hub(anew.clone()).unwrap());
    assert_eq!(profile.hubs().unwrap(), [moved.clone(), anew]);
    assert_eq!(profile.leave_hub(|_| Ok(1)).unwrap().pin, Some([3; 32]));
    assert_eq!(profile.hubs().unwrap(), [moved]);
}

#[test]
fn a_list_of_hubs_that_is_damaged_is_reported_and_stays() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    profile.join_hub(hub("one.example", 1)).unwrap();
    let path = profile.config_dir().join("hubs.toml");
    let good = fs::read_to_string(&path).unwrap();
    for bad in [
        good[..good.len() - 3].to_owned(),
        good.replace("ticket", "tickets"),
        good.replacen("hub", "hab", 40),
        "[[hub]]\n".to_owned(),
        "hub = 1\n".to_owned(),
        "\u{0}".to_owned(),
        good.repeat(17),
    ] {
        fs::write(&path, &bad).unwrap();
        let reads = [
            profile.hubs().unwrap_err(),
            profile.join_hub(hub("two.example", 2)).unwrap_err(),
        ];
        for failure in reads {
            assert_eq!(failure.kind, FailureKind::LocalDisk);
            assert!(failure.message.contains("hubs.toml"), "{failure}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
    }
    // An empty one is what somebody left behind who left all.
    fs::write(&path, "# nothing\n").unwrap();
    assert_eq!(profile.hubs().unwrap(), []);
}

#[test]
fn hubs_that_are_joined_at_once_are_all_kept() {
    let dir = TempDir::new().unwrap();
    let profile = profile(&dir);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let profile = &profile;
            scope.spawn(move || {
                profile
                    .join_hub(hub(&format!("h{number}.example"), number))
                    .unwrap()
            });
        }
    });
    assert_eq!(profile.hubs().unwrap().len(), 8);
}
