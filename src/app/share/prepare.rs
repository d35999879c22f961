//! What a share does before it serves: walk, copy where asked, hash, encode.

use std::path::Path;

use crate::{
    app::{Context, ShareOptions, ShareSource, Summary},
    content::{Encoded, FileEntry, Hash, Limits, Manifest, escape, shorten},
    disk::{self, HashProgress, LeftOut, Outboards, Sources, Stop, TreeCache, WalkOptions},
    events::{Event, Events, Failure, FailureKind, Phase},
    hub::Folder,
    profile::Profile,
};

/// Characters of a path that are shown: it may be thousands of bytes long.
const SHOWN: usize = 160;

/// Everything that is needed to serve.
pub(super) struct Prepared {
    pub(super) encoded: Encoded,
    pub(super) sources: Sources,
    pub(super) outboards: Outboards,
    pub(super) summary: Summary,
    pub(super) copies: Copies,
}

/// Copies that live as long as the share; each removes itself when dropped.
#[derive(Default)]
pub(super) struct Copies(Vec<Box<dyn Send + Sync>>);

/// Does all the work that needs no network. Blocks.
pub(super) fn prepare(
    context: &Context,
    options: ShareOptions,
    stop: &Stop,
) -> Result<Prepared, Failure> {
    let cache = context.profile.cache_dir();
    disk::clear_left_behind(cache);
    let events = &context.events;
    let mut copies = Copies::default();
    let is_copy = matches!(options.source, ShareSource::Reader { .. });
    let paths = match options.source {
        ShareSource::Paths(paths) => paths,
        ShareSource::Reader { name, mut reader } => {
            let told = |bytes| progress(events, Phase::Scan, (bytes, 0), (0, 0));
            let spooled = disk::spool(cache, &name, &mut *reader, &told, stop)?;
            let path = spooled.path.clone();
            copies.0.push(Box::new(spooled));
            vec![path]
        }
    };
    let mut walk = options.walk;
    // The copy of standard input is in the cache.
    if !is_copy {
        keep_own(&mut walk, &context.profile);
    }
    let found = |files, bytes| progress(events, Phase::Scan, (bytes, 0), (files, 0));
    let limits = Limits::DEFAULT;
    let mut sources = disk::walk(&paths, &walk, &limits, &found, stop)?;
    if is_copy {
        refuse_unreadable_copies(cache, &sources.unreadable)?;
    }
    refuse_incomplete(&sources, options.strict, options.skip_unreadable)?;
    let total = sources
        .files
        .iter()
        .fold(0u64, |sum, file| sum.saturating_add(file.stat.size));
    if options.snapshot {
        let told = |bytes| progress(events, Phase::Scan, (bytes, total), (0, 0));
        copies
            .0
            .push(Box::new(disk::snapshot(cache, &mut sources, &told, stop)?));
    }
    let caches: Vec<TreeCache> = if is_copy || options.snapshot {
        // Copies are other files each time.
        Vec::new()
    } else {
        sources
            .roots
            .iter()
            .map(|root| TreeCache::load(cache, &root.path))
            .collect()
    };
    let outboards = Outboards::at(cache);
    let not_copies = if is_copy { 0 } else { sources.unreadable.len() };
    let hashes = hash(events, &mut sources, total, &caches, &outboards, stop)?;
    if is_copy || options.snapshot {
        refuse_unreadable_copies(cache, &sources.unreadable[not_copies..])?;
    }
    for cache in &caches {
        if let Err(error) = cache.save() {
            tracing::debug!(%error, "hashes are not remembered");
        }
    }
    // Of a million files this is large, and the list that is made next is, too.
    drop(caches);
    refuse_incomplete(&sources, options.strict, options.skip_unreadable)?;
    let entries = sources
        .files
        .iter()
        .zip(hashes)
        .map(|(file, hash)| FileEntry {
            path: file.path.clone(),
            hash,
            size: Some(file.stat.size),
            mode: Some(file.stat.mode & 0o777),
            mtime: Some(file.stat.mtime),
        });
    let (dirs, links) = (
        std::mem::take(&mut sources.dirs),
        std::mem::take(&mut sources.links),
    );
    let manifest = Manifest::new(entries.collect(), dirs, links, &limits).map_err(|error| {
        Failure::new(
            FailureKind::Failed,
            format!("this cannot be shared: {error}"),
        )
        .hint("share a part of it, or leave entries out with --exclude")
    })?;
    let encoded = manifest.encode();
    let left_out = [&sources.left_out[..], &sources.unreadable].concat();
    let summary = Summary {
        name: manifest.name(),
        root: encoded.root,
        files: manifest.files.len() as u64,
        bytes: manifest.total_bytes(),
        left_out,
    };
    Ok(Prepared {
        encoded,
        sources,
        outboards,
        summary,
        copies,
    })
}

/// Keeps what Grove has for itself out of a walk.
fn keep_own(walk: &mut WalkOptions, profile: &Profile) {
    let own = [
        profile.config_dir(),
        profile.data_dir(),
        profile.cache_dir(),
    ];
    walk.own.extend(own.map(Path::to_owned));
    walk.own_too = Some(Folder::looks_like);
}

/// Hashes `total` bytes, and tells how far it is.
fn hash(
    events: &Events,
    sources: &mut Sources,
    total: u64,
    caches: &[TreeCache],
    outboards: &Outboards,
    stop: &Stop,
) -> Result<Vec<Hash>, Failure> {
    let files = sources.files.len() as u64;
    let told = |done: HashProgress| {
        progress(
            events,
            Phase::Hash,
            (done.bytes, total),
            (done.files, files),
        );
    };
    disk::hash_tree(sources, caches, outboards, &told, stop)
}

/// Refuses what the user does not want left out.
fn refuse_incomplete(sources: &Sources, strict: bool, skip: bool) -> Result<(), Failure> {
    if strict && !sources.left_out.is_empty() {
        let what = listed(&sources.left_out);
        let message = format!("these cannot be shared: {what}");
        return Err(Failure::new(FailureKind::Partial, message)
            .hint("leave them out with --exclude, or do without --strict"));
    }
    if !skip && !sources.unreadable.is_empty() {
        let what = listed(&sources.unreadable);
        return Err(
            Failure::new(FailureKind::LocalDisk, format!("cannot read {what}"))
                .hint("put it right, leave them out with --exclude, or use --skip-unreadable"),
        );
    }
    Ok(())
}

/// Refuses to go on when it is not somebody's file that cannot be read, but the copy of it in the folder
/// `cache`. To leave it out would not be what `--skip-unreadable` asks for.
fn refuse_unreadable_copies(cache: &Path, unreadable: &[LeftOut]) -> Result<(), Failure> {
    let Some(file) = unreadable.first() else {
        return Ok(());
    };
    let (path, cache) = (shorten(&file.path, SHOWN), cache.to_string_lossy());
    let message = format!(
        "cannot read the copy of {path} in {}: {}",
        escape(&cache),
        file.why
    );
    Err(Failure::new(FailureKind::LocalDisk, message)
        .hint("look after that disk, or keep Grove's files elsewhere with GROVE_HOME"))
}

/// A list for one line: the first ten, and how many more.
fn listed(entries: &[LeftOut]) -> String {
    const NAMED: usize = 10;
    let named: Vec<String> = entries
        .iter()
        .take(NAMED)
        .map(|entry| format!("{} ({})", shorten(&entry.path, SHOWN), entry.why))
        .collect();
    let mut line = named.join(", ");
    if entries.len() > NAMED {
        line = format!("{line} and {} more", entries.len() - NAMED);
    }
    line
}

fn progress(events: &Events, phase: Phase, bytes: (u64, u64), files: (u64, u64)) {
    events.emit(Event::Progress {
        phase,
        peer: None,
        bytes: bytes.0,
        total: bytes.1,
        files: files.0,
        files_total: files.1,
        current: None,
    });
}
