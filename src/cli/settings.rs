//! What holds after flags, environment and `config.toml` were looked at, in this order.
//!
//! Flags with a value take their variable from the argument parser; switches are looked up here,
//! because a switch that is absent must still be able to lose against `GROVE_OFFLINE=0` or the file.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use super::{
    args::{Bind, GlobalArgs, ticket_text},
    units::{Patience, Size},
};
use crate::{
    app::Wait,
    content::{HubTicket, escape},
    events::{Failure, FailureKind},
    node::Network,
    profile::Settings,
};

/// How long nothing at all may happen, where nobody says otherwise.
const WAIT: Duration = Duration::from_mins(10);

/// What stands for the public servers where hubs are named.
const PUBLIC: &str = "public";

/// The settings of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resolved {
    /// Which parts of the network are used.
    pub(crate) network: Network,
    /// The hubs that flags or file name, as they do.
    hubs: Option<Vec<String>>,
    file: Settings,
}

impl Resolved {
    /// Puts flags and environment above `file`. `env` looks up a variable.
    pub(crate) fn new(
        flags: &GlobalArgs,
        env: impl Fn(&str) -> Option<String>,
        file: Settings,
    ) -> Self {
        let network = Network {
            offline: switch(flags.offline, env("GROVE_OFFLINE"), file.offline),
            lan: !switch(flags.no_lan, env("GROVE_NO_LAN"), file.lan.map(|lan| !lan)),
            bind: flags.bind.iter().flat_map(|bind| bind.addrs()).collect(),
            ..Network::default()
        };
        let flags = flags.hub.iter().filter(|hub| !hub.trim().is_empty());
        let hubs: Vec<_> = flags.cloned().collect();
        let hubs = Some(hubs).filter(|hubs| !hubs.is_empty());
        let hubs = hubs.or_else(|| file.hub.clone());
        Self {
            network,
            hubs,
            file,
        }
    }

    /// Settles which hubs are used: those of the flags or their variable, else those of the file, else those
    /// that were `joined`.
    ///
    /// # Errors
    /// `Usage` when something is no hub's ticket; those of `joined`, and of reading a file with a ticket.
    pub(crate) fn with_hubs(
        mut self,
        joined: impl FnOnce() -> Result<Vec<HubTicket>, Failure>,
    ) -> Result<Self, Failure> {
        self.network.hubs = match &self.hubs {
            // Nobody is asked for a server, so none of the lists has to be right.
            _ if self.network.offline => Vec::new(),
            Some(words) => given_hubs(words)?,
            None => joined()?,
        };
        Ok(self)
    }

    /// Most bytes a second; `flag` holds the flag or its variable.
    ///
    /// # Errors
    /// `Usage` when the file has no size there.
    pub(crate) fn limit_rate(&self, flag: Option<Size>) -> Result<Option<u64>, Failure> {
        let rate = match flag {
            Some(rate) => Some(rate),
            None => from_file("config.toml", "limit-rate", self.file.limit_rate.as_deref())?,
        };
        Ok(rate.map(|rate| rate.0))
    }

    /// How long nothing may happen; `flag` holds the flag or its variable.
    ///
    /// # Errors
    /// `Usage` when the file has no time there.
    pub(crate) fn wait(&self, flag: Option<Patience>) -> Result<Wait, Failure> {
        let patience = match flag {
            Some(patience) => Some(patience),
            None => from_file("config.toml", "wait", self.file.wait.as_deref())?,
        };
        Ok(match patience {
            Some(Patience::For(time)) => Wait::For(time),
            Some(Patience::Forever) => Wait::Forever,
            None => Wait::For(WAIT),
        })
    }
}

/// The hubs that somebody wrote down; none for `public`.
fn given_hubs(words: &[String]) -> Result<Vec<HubTicket>, Failure> {
    if words.iter().any(|word| word.trim() == PUBLIC) {
        if words.len() > 1 {
            let message = "public servers and hubs cannot be used together";
            return Err(Failure::new(FailureKind::Usage, message)
                .hint("say --hub public alone, or leave it out"));
        }
        return Ok(Vec::new());
    }
    let read = |word: &String| {
        let text = ticket_text(std::slice::from_ref(word))?;
        HubTicket::parse(&text).map_err(|error| {
            let message = format!("--hub: {error}");
            Failure::new(FailureKind::Usage, message).hint(error.hint())
        })
    };
    words.iter().map(read).collect()
}

/// A switch: given, or its variable says something other than no, or the file says so.
fn switch(flag: bool, variable: Option<String>, file: Option<bool>) -> bool {
    let no = |value: &str| {
        matches!(
            value.trim().to_ascii_lowercase().as_str(),
            "0" | "n" | "no" | "f" | "false" | "off"
        )
    };
    match variable.filter(|value| !value.is_empty()) {
        _ if flag => true,
        Some(value) => !no(&value),
        None => file.unwrap_or(false),
    }
}

/// Where to listen, as the list `bind` of a settings file says.
///
/// # Errors
/// `Usage` when something there is no port and no address.
pub(crate) fn bind_of(file: &str, list: &[String]) -> Result<Vec<SocketAddr>, Failure> {
    let mut addrs = Vec::new();
    for text in list {
        let bind: Bind = text.parse().map_err(|error| {
            let message = format!("{file}: bind = \"{}\" is not understood", escape(text));
            Failure::new(FailureKind::Usage, message).hint(format!("{error}"))
        })?;
        addrs.extend(bind.addrs());
    }
    Ok(addrs)
}

/// What the settings file called `file` says for `key`.
///
/// # Errors
/// `Usage` when that is not understood.
pub(crate) fn from_file<T>(file: &str, key: &str, value: Option<&str>) -> Result<Option<T>, Failure>
where
    T: FromStr<Err = super::units::UnitError>,
{
    let wrong = |error| {
        let value = escape(value.unwrap_or_default());
        let message = format!("{file}: {key} = \"{value}\" is not understood");
        Failure::new(FailureKind::Usage, message).hint(format!("{error}"))
    };
    value.map(str::parse).transpose().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: &GlobalArgs, env: &[(&str, &str)], file: Settings) -> Resolved {
        let look_up = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Resolved::new(flags, look_up, file)
    }

    #[test]
    fn flag_then_environment_then_file_then_default() {
        let flag = GlobalArgs {
            offline: true,
            no_lan: true,
            ..GlobalArgs::default()
        };
        let none = GlobalArgs::default();
        let file = Settings {
            offline: Some(true),
            lan: Some(false),
            ..Settings::default()
        };
        let no = [("GROVE_OFFLINE", "0"), ("GROVE_NO_LAN", "false")];
        for (case, resolved, offline, lan) in [
            (
                "default",
                resolve(&none, &[], Settings::default()),
                false,
                true,
            ),
            ("file", resolve(&none, &[], file.clone()), true, false),
            (
                "environment",
                resolve(&none, &no, file.clone()),
                false,
                true,
            ),
            ("flag", resolve(&flag, &no, file), true, false),
        ] {
            assert_eq!(resolved.network.offline, offline, "{case}");
            assert_eq!(resolved.network.lan, lan, "{case}");
        }
    }

    #[test]
    fn a_variable_set_to_anything_else_means_yes() {
        for (value, yes) in [("1", true), ("yes", true), ("", false), ("Off", false)] {
            let env = [("GROVE_OFFLINE", value)];
            let resolved = resolve(&GlobalArgs::default(), &env, Settings::default());
            assert_eq!(resolved.network.offline, yes, "{value:?}");
        }
    }

    #[test]
    fn sizes_and_times_of_the_file_count_where_no_flag_does() {
        let file = Settings {
            limit_rate: Some("2M".into()),
            wait: Some("forever".into()),
            ..Settings::default()
        };
        let resolved = resolve(&GlobalArgs::default(), &[], file);
        assert_eq!(resolved.limit_rate(None).unwrap(), Some(2_000_000));
        assert_eq!(resolved.limit_rate(Some(Size(1))).unwrap(), Some(1));
        assert_eq!(resolved.wait(None).unwrap(), Wait::Forever);
        let minute = Duration::from_mins(1);
        let flag = Some(Patience::For(minute));
        assert_eq!(resolved.wait(flag).unwrap(), Wait::For(minute));
        assert_eq!(Resolved::default().wait(None).unwrap(), Wait::For(WAIT));
    }

    #[test]
    fn hubs_of_flags_then_of_the_file_then_those_that_were_joined() {
        let hub = |name: &str| HubTicket {
            hosts: vec![format!("{name}:443")],
            quic_port: None,
            relay: true,
            directory: true,
            pin: None,
            token: None,
        };
        let flags = |hubs: &[&str]| GlobalArgs {
            hub: hubs.iter().map(ToString::to_string).collect(),
            ..GlobalArgs::default()
        };
        let file = |hubs: Option<&[&str]>| Settings {
            hub: hubs.map(|hubs| hubs.iter().map(ToString::to_string).collect()),
            ..Settings::default()
        };
        let names = |flags: &GlobalArgs, file: Settings| {
            let joined = || Ok(vec![hub("joined")]);
            let resolved = resolve(flags, &[], file).with_hubs(joined)?;
            let hubs = resolved.network.hubs.iter();
            Ok::<_, Failure>(hubs.map(HubTicket::name).collect::<Vec<_>>())
        };
        let (one, two) = (hub("one").to_string(), hub("two").to_string());
        let none = flags(&[]);
        assert_eq!(names(&none, file(None)).unwrap(), ["joined:443"]);
        assert_eq!(names(&none, file(Some(&[&one]))).unwrap(), ["one:443"]);
        let both = flags(&[&two, &format!("grove join {one}")]);
        assert_eq!(
            names(&both, file(Some(&[&one]))).unwrap(),
            ["two:443", "one:443"]
        );
        // A variable that is set to nothing says nothing.
        assert_eq!(names(&flags(&[""]), file(None)).unwrap(), ["joined:443"]);
        let public = flags(&["public"]);
        assert!(names(&public, file(Some(&[&one]))).unwrap().is_empty());
        assert!(names(&none, file(Some(&["public"]))).unwrap().is_empty());
        for wrong in [&["public", &one][..], &["hub"], &["blobaaa"], &[&one[..20]]] {
            let failure = names(&flags(wrong), file(None)).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Usage, "{wrong:?}");
        }
        // Offline nobody is asked for anything, whatever the lists are like.
        let offline = GlobalArgs {
            offline: true,
            ..flags(&["nonsense"])
        };
        assert!(names(&offline, file(None)).unwrap().is_empty());
        let damaged = || Err(Failure::new(FailureKind::LocalDisk, "damaged"));
        assert!(resolve(&none, &[], file(None)).with_hubs(damaged).is_err());
    }

    #[test]
    fn nonsense_in_the_file_is_named() {
        let file = Settings {
            wait: Some("soon".into()),
            ..Settings::default()
        };
        let resolved = resolve(&GlobalArgs::default(), &[], file);
        let failure = resolved.wait(None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
        assert!(failure.message.contains("wait = \"soon\""), "{failure}");
    }
}
