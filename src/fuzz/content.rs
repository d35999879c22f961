//! Names, texts, tickets and lists of files: what one person sends another.

use std::{collections::HashSet, net::SocketAddr};

use data_encoding::BASE32_NOPAD;
use iroh::EndpointAddr;
use iroh_blobs::{format::collection::CollectionMeta, ticket::BlobTicket};
use iroh_tickets::Ticket as _;

use super::{Front, assert_showable};
use crate::content::{
    EntryPath, Hash, HubTicket, Limits, MAX_ADDRESSES, MAX_HUB_HOSTS, MAX_OTHERS, Manifest,
    ManifestError, Mtime, PARTIAL_DIR, Relays, TARGET_BYTES, Ticket, escape, escape_bytes,
    human_bytes, shorten,
};

/// A path within a share: all of the input.
pub fn path(bytes: &[u8]) {
    assert_showable(&escape_bytes(bytes));
    let path = match EntryPath::parse(bytes) {
        Ok(path) => path,
        Err(why) => return assert_showable(&why.to_string()),
    };
    assert_path(&path);
    assert_eq!(path.as_bytes(), bytes);
    let (top, rest) = (path.top(), &bytes[path.top().len()..]);
    let top = EntryPath::parse(top).expect("a top is a path");
    assert!(path.starts_with(&top) && path.starts_with(&path));
    assert_eq!(path.parent().is_none(), rest.is_empty());
    if let Some(parent) = path.parent() {
        assert!(path.starts_with(&parent) && !parent.starts_with(&path));
        assert_eq!(parent.join(path.file_name()).as_ref(), Ok(&path));
    }
}

/// Fails unless `path` is within the rules and can only mean a place below its folder.
fn assert_path(path: &EntryPath) {
    let bytes = path.as_bytes();
    assert!(!bytes.contains(&0) && !bytes.contains(&b'\\'));
    assert!(bytes.len() <= Limits::DEFAULT.path_bytes);
    assert!(path.components().count() <= Limits::DEFAULT.depth);
    for component in path.components() {
        assert!(component.len() <= Limits::DEFAULT.component_bytes);
        assert!(!component.eq_ignore_ascii_case(PARTIAL_DIR.as_bytes()));
    }
    let mut parts = path.to_path();
    assert!(
        parts
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)))
    );
    assert_eq!(parts.components().count(), path.components().count());
    parts = std::path::Path::new("/dest").join(parts);
    assert!(parts.starts_with("/dest"));
    assert_showable(&path.to_string());
}

/// Text on its way to a terminal: all of the input, but for the first byte, which says how short it is
/// to be.
pub fn text(bytes: &[u8]) {
    let mut front = Front(bytes);
    let max = usize::from(front.u8()).max(1);
    let bytes = front.0;
    let shown = escape_bytes(bytes);
    assert_showable(&shown);
    assert_eq!(unescape(&shown), bytes);
    // At worst each byte becomes `\xff`, or two a control character of four digits.
    assert!(shown.len() <= bytes.len() * 6);
    let short = shorten(&shown, max);
    assert!(short.chars().count() <= max);
    assert_showable(&short);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(escape(text), shown);
    }
    assert!(human_bytes(Front(bytes).u64()).len() <= 6);
}

/// Undoes [`escape_bytes`], to show that nothing is lost and nothing ambiguous.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let mut buffer = [0; 4];
        if c != '\\' {
            out.extend(c.encode_utf8(&mut buffer).bytes());
            continue;
        }
        let (meant, used) = match rest.chars().next() {
            Some('\\') => ('\\', 1),
            Some('n') => ('\n', 1),
            Some('t') => ('\t', 1),
            Some('r') => ('\r', 1),
            Some('u') => {
                let end = rest.find('}').expect("an escape is closed");
                let code = u32::from_str_radix(&rest[2..end], 16).ok();
                (code.and_then(char::from_u32).expect("a character"), end + 1)
            }
            Some('x') => {
                out.push(u8::from_str_radix(&rest[1..3], 16).expect("a byte"));
                rest = &rest[3..];
                continue;
            }
            _ => ('\\', 0),
        };
        out.extend(meant.encode_utf8(&mut buffer).bytes());
        rest = &rest[used..];
    }
    out
}

/// What a person pasted for a ticket: all of the input, as text.
pub fn ticket(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let hub = Relays::OfHubs(["relay.example.com:443".parse().expect("a place")].into());
    for relays in [Relays::Public, Relays::Any, hub] {
        if let Some(ticket) = read_ticket(&text, &relays) {
            assert_eq!(
                Ticket::parse_with(&ticket.to_string(), &relays),
                Ok((ticket, vec![]))
            );
        }
    }
}

/// A ticket in bytes, as they are and with the checksum that belongs to them.
pub fn ticket_bytes(bytes: &[u8]) {
    let text = |bytes: &[u8]| format!("blob{}", BASE32_NOPAD.encode(bytes));
    let plain = text(bytes);
    let ours = read_ticket(&plain, &Relays::Any);
    if let Ok(theirs) = BlobTicket::decode_bytes(bytes)
        && theirs.encode_bytes() == bytes
        && theirs.hash() != Hash::EMPTY
    {
        let ours = ours.expect("a ticket of another tool is read");
        assert_eq!((ours.hash, ours.format), (theirs.hash(), theirs.format()));
        assert_eq!(ours.addr.id, theirs.addr().id);
    }
    let sum = blake3::derive_key("grove 2026 ticket checksum v1", bytes);
    let sealed = [bytes, &sum[..8]].concat();
    let Some(ticket) = read_ticket(&text(&sealed), &Relays::Public) else {
        return;
    };
    let written = ticket.to_string();
    assert_eq!(Ticket::parse(&written).as_ref(), Ok(&ticket));
    assert_eq!(
        Ticket::parse(&format!("<{}>", written.to_uppercase())).as_ref(),
        Ok(&ticket)
    );
    // A slip of a key does not make another ticket of it.
    let mut front = Front(bytes);
    let at = usize::from(front.u16()) % written.len();
    let slip = char::from(b' ' + front.u8() % 95);
    let slipped = format!("{}{slip}{}", &written[..at], &written[at + 1..]);
    if let Ok(other) = Ticket::parse(&slipped) {
        assert_eq!(other, ticket, "{slipped}");
    }
}

/// Reads a ticket; what is read is within the limits, and what is said of it fit to be shown.
fn read_ticket(text: &str, relays: &Relays) -> Option<Ticket> {
    let (ticket, left_out) = match Ticket::parse_with(text, relays) {
        Ok(read) => read,
        Err(error) => {
            assert_showable(&error.to_string());
            assert!(!error.hint().is_empty());
            return None;
        }
    };
    assert!(left_out.len() <= MAX_OTHERS + 1 + 3);
    for line in &left_out {
        assert_showable(line);
        assert!(line.chars().count() < 200, "{line}");
    }
    assert!(ticket.others.len() <= MAX_OTHERS);
    assert_ne!(ticket.hash, Hash::EMPTY);
    let people = || std::iter::once(&ticket.addr).chain(&ticket.others);
    let direct: Vec<SocketAddr> = people().flat_map(EndpointAddr::ip_addrs).copied().collect();
    assert!(direct.len() <= MAX_ADDRESSES);
    assert!(
        direct
            .iter()
            .all(|addr| addr.port() != 0 && !addr.ip().is_multicast())
    );
    let local = direct.iter().filter(|addr| addr.ip().is_loopback()).count();
    assert!(local == 0 || local == direct.len());
    for url in people().flat_map(EndpointAddr::relay_urls) {
        assert!(url.as_str().len() <= 255, "{url}");
        assert!(url.username().is_empty() && url.password().is_none());
        assert!(*relays == Relays::Any || url.scheme() == "https");
    }
    Some(ticket)
}

/// A hub's ticket: as the text that a person pasted, and as bytes with the checksum that belongs to them.
pub fn hub_ticket(bytes: &[u8]) {
    read_hub_ticket(&String::from_utf8_lossy(bytes));
    let sum = blake3::derive_key("grove 2026 hub ticket checksum v1", bytes);
    let sealed = [bytes, &sum[..8]].concat();
    let Some(ticket) = read_hub_ticket(&format!("hub{}", BASE32_NOPAD.encode(&sealed))) else {
        return;
    };
    let written = ticket.to_string();
    let pasted = format!("<grove join {}>", written.to_uppercase());
    assert_eq!(HubTicket::parse(&pasted).as_ref(), Ok(&ticket));
    // A slip of a key does not make another ticket of it.
    let mut front = Front(bytes);
    let at = usize::from(front.u16()) % written.len();
    let slip = char::from(b' ' + front.u8() % 95);
    let slipped = format!("{}{slip}{}", &written[..at], &written[at + 1..]);
    if let Ok(other) = HubTicket::parse(&slipped) {
        assert_eq!(other, ticket, "{slipped}");
    }
}

/// Reads a hub's ticket; what is read is within the limits and can be written again.
fn read_hub_ticket(text: &str) -> Option<HubTicket> {
    let ticket = match HubTicket::parse(text) {
        Ok(ticket) => ticket,
        Err(error) => {
            assert_showable(&error.to_string());
            assert!(!error.hint().is_empty());
            return None;
        }
    };
    assert!((1..=MAX_HUB_HOSTS).contains(&ticket.hosts.len()));
    assert_eq!(ticket.places().count(), ticket.hosts.len());
    for (place, host) in ticket.places().zip(&ticket.hosts) {
        assert_eq!(&place.to_string(), host);
        assert_showable(host);
        assert!(place.port() != 0 && host.len() < 270 && host.is_ascii());
    }
    if let Some(token) = &ticket.token {
        assert!(HubTicket::is_token(token) && !token.contains(['\r', '\n', ' ']));
        let another = HubTicket {
            token: Some("another".to_owned()),
            ..ticket.clone()
        };
        assert_eq!(format!("{ticket:?}"), format!("{another:?}"));
    }
    assert_eq!(HubTicket::parse(&ticket.to_string()).as_ref(), Ok(&ticket));
    Some(ticket)
}

/// A metadata blob, behind one byte that says how many hashes there are beside it: as many as names for
/// an even one. Tried as it is, and with the length of the section that belongs to it.
pub fn manifest(bytes: &[u8]) {
    let mut front = Front(bytes);
    let skew = front.u8();
    check_meta(front.0, skew);
    if let Some(fitting) = with_fitting_section(front.0) {
        check_meta(&fitting, skew);
    }
}

/// `meta`, its last section as long as it says; `None` where it is, or has none.
fn with_fitting_section(meta: &[u8]) -> Option<Vec<u8>> {
    const MAGIC: &[u8] = b"\x93GroveM\n";
    let magic = meta.windows(MAGIC.len()).rposition(|at| at == MAGIC)?;
    // A byte for the version, and eight for the length.
    let length = magic + MAGIC.len() + 1;
    let body = meta.get(length + 8..)?;
    let mut fitting = meta.to_vec();
    fitting[length..length + 8].copy_from_slice(&(body.len() as u64).to_le_bytes());
    (fitting != meta).then_some(fitting)
}

fn check_meta(meta: &[u8], skew: u8) {
    let mut count = claimed_names(meta).min(meta.len());
    if skew % 2 == 1 {
        count = count.saturating_add_signed(isize::from(skew.cast_signed()) / 16);
    }
    let mut hash_seq = vec![0x11; 32];
    for number in 0..count as u64 {
        hash_seq.extend([number.to_le_bytes(), [7; 8], [8; 8], [9; 8]].concat());
    }
    if skew == 0xFF {
        hash_seq.pop();
    }
    let Some(manifest) = read_manifest(&hash_seq, meta, &Limits::DEFAULT) else {
        return;
    };
    let theirs = postcard::take_from_bytes::<CollectionMeta>(meta);
    let (theirs, _) = theirs.expect("what Grove reads, other tools read");
    assert_eq!(theirs.names().len(), manifest.files.len());
    // As it is, and as Grove would have made it.
    assert_round_trip(&manifest);
    let Manifest { files, dirs, links } = manifest.clone();
    let ours = Manifest::new(files, dirs, links, &Limits::DEFAULT).expect("a checked manifest");
    assert_round_trip(&ours);
    let few = Limits {
        files: 3,
        others: 3,
        meta_bytes: 300,
        depth: 3,
        component_bytes: 16,
        path_bytes: 40,
    };
    if let Some(read) = read_manifest(&hash_seq, meta, &few) {
        assert_eq!(read, manifest);
    }
    for collision in manifest.folding_collisions() {
        assert_ne!(collision.first, collision.second);
    }
    assert_showable(&manifest.name());
    assert!(!manifest.top_level().is_empty());
}

/// The number of names that a metadata blob claims: the varint behind its header.
fn claimed_names(meta: &[u8]) -> usize {
    let behind = meta.get(13..).unwrap_or_default();
    postcard::take_from_bytes::<u64>(behind)
        .map_or(0, |(count, _)| usize::try_from(count).unwrap_or(usize::MAX))
}

fn assert_round_trip(manifest: &Manifest) {
    let encoded = manifest.encode();
    let again = Manifest::decode(&encoded.hash_seq, &encoded.meta, &Limits::DEFAULT);
    assert_eq!(again.as_ref(), Ok(manifest));
    assert_eq!(encoded.root, Hash::new(&encoded.hash_seq));
    assert_eq!(encoded.meta_hash, Hash::new(&encoded.meta));
}

/// Reads a manifest; what is read keeps all the rules.
fn read_manifest(hash_seq: &[u8], meta: &[u8], limits: &Limits) -> Option<Manifest> {
    let manifest = match Manifest::decode(hash_seq, meta, limits) {
        Ok(manifest) => manifest,
        Err(error) => {
            assert_showable(&error.to_string());
            if let ManifestError::Names { names, count } = &error {
                assert!(names.len() <= 10 && names.len() as u64 <= *count);
                assert!(error.to_string().len() < 10 * 1000);
            }
            return None;
        }
    };
    assert_eq!(manifest.files.len(), hash_seq.len() / 32 - 1);
    assert!(manifest.files.len() as u64 <= limits.files);
    assert!((manifest.dirs.len() + manifest.links.len()) as u64 <= limits.others);
    assert!(!manifest.is_empty());
    let mut paths: Vec<&EntryPath> = manifest.paths().collect();
    for path in &paths {
        assert_path(path);
        assert!(path.as_bytes().len() <= limits.path_bytes);
        assert!(path.components().count() <= limits.depth);
    }
    paths.sort_unstable();
    assert!(
        paths.windows(2).all(|pair| pair[0] != pair[1]),
        "two at one place"
    );
    let files = manifest.files.iter().map(|file| file.path.as_bytes());
    let links = manifest.links.iter().map(|link| link.path.as_bytes());
    let ends: HashSet<&[u8]> = files.chain(links).collect();
    for path in paths.iter().map(|path| path.as_bytes()) {
        let slashes = (0..path.len()).filter(|at| path[*at] == b'/');
        for above in slashes.map(|at| &path[..at]) {
            assert!(!ends.contains(above), "below what is no folder");
        }
    }
    let sizes = manifest.files.iter().filter_map(|file| file.size);
    let total = sizes.map(u128::from).sum::<u128>();
    assert_eq!(u128::from(manifest.total_bytes()), total);
    let mtimes = manifest.files.iter().filter_map(|file| file.mtime);
    let mtimes = mtimes.chain(manifest.dirs.iter().map(|dir| dir.mtime));
    for mtime in mtimes.chain(manifest.links.iter().map(|link| link.mtime)) {
        assert!((Mtime::MIN..=Mtime::MAX).contains(&mtime) && mtime.nanos < 1_000_000_000);
    }
    let modes = manifest.files.iter().filter_map(|file| file.mode);
    assert!(
        modes
            .chain(manifest.dirs.iter().map(|dir| dir.mode))
            .all(|mode| mode <= 0o777)
    );
    for link in &manifest.links {
        assert!((1..=TARGET_BYTES).contains(&link.target.len()) && !link.target.contains(&0));
    }
    Some(manifest)
}

/// A hash sequence: all of the input, beside a metadata blob with as many names as fit.
pub fn hash_seq(bytes: &[u8]) {
    let count = (bytes.len() / 32).saturating_sub(1);
    let mut meta = b"CollectionV0.".to_vec();
    let names: Vec<String> = (0..count).map(|number| format!("f{number}")).collect();
    meta.extend(postcard::to_stdvec(&names).expect("names fit in memory"));
    let whole = bytes.len() >= 64 && bytes.len().is_multiple_of(32);
    let manifest = read_manifest(bytes, &meta, &Limits::DEFAULT);
    assert_eq!(manifest.is_some(), whole);
    for (file, hash) in manifest
        .iter()
        .flat_map(|m| &m.files)
        .zip(bytes.chunks(32).skip(1))
    {
        assert_eq!(file.hash.as_bytes(), hash);
    }
}
