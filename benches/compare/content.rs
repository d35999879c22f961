//! The trees that are shared: the same bytes in every run, and nothing in them that compresses.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, Result};

use crate::net::finish;

/// A file or folder that is there to be shared.
pub(crate) struct Tree {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The size of all its files together.
    pub(crate) bytes: u64,
    /// Its files, from its top; an empty path stands for the tree that is one file.
    pub(crate) files: Vec<PathBuf>,
}

impl Tree {
    /// Its own name.
    pub(crate) fn name(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.unwrap_or_default()
    }

    /// Where its files are.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|file| self.path_of(file))
    }

    fn path_of(&self, file: &Path) -> PathBuf {
        // What is a file itself has no further name.
        if file.as_os_str().is_empty() {
            self.path.clone()
        } else {
            self.path.join(file)
        }
    }

    /// Fails unless the same is in the folder.
    pub(crate) fn check(&self, folder: &Path) -> Result<()> {
        let mut diff = std::process::Command::new("diff");
        diff.args(["--recursive", "--brief", "--"])
            .arg(&self.path)
            .arg(folder.join(self.name()));
        finish(&mut diff).context("what came is not what was shared")
    }

    /// Copies the first `percent` of its files into a folder, with their times.
    pub(crate) fn copy_part(&self, percent: usize, into: &Path) -> Result<()> {
        let mut cp = std::process::Command::new("cp");
        cp.args(["--archive", "--parents", "--target-directory"]);
        cp.arg(into)
            .current_dir(self.path.parent().context("it is in a folder")?);
        let some = &self.files[..self.files.len() * percent / 100];
        // A file's name has no slash behind it.
        cp.args(some.iter().map(|file| {
            Path::new(self.name())
                .join(file)
                .components()
                .collect::<PathBuf>()
        }));
        finish(&mut cp)
    }
}

/// Makes trees when they are asked for, and keeps them.
pub(crate) struct Content {
    at: PathBuf,
    shrink: u64,
    made: RefCell<HashMap<String, Rc<Tree>>>,
}

impl Content {
    /// Everything goes into the folder, and is so many times smaller than its name says.
    pub(crate) fn new(at: PathBuf, shrink: u64) -> Self {
        Self {
            at,
            shrink,
            made: RefCell::default(),
        }
    }

    /// One file of so many MiB.
    pub(crate) fn file(&self, mib: u64) -> Result<Rc<Tree>> {
        let bytes = (mib << 20) / self.shrink;
        self.tree(
            &format!("file-{mib}"),
            [(PathBuf::new(), bytes)].into_iter(),
        )
    }

    /// One file of 1 KB, whatever else shrinks.
    pub(crate) fn tiny_file(&self) -> Result<Rc<Tree>> {
        self.tree("tiny", [(PathBuf::new(), 1000)].into_iter())
    }

    /// 1 GiB in a thousand files.
    pub(crate) fn thousand(&self) -> Result<Rc<Tree>> {
        let files = (1000 / self.shrink).max(10);
        let files = (0..files).map(|n| (nested(n, 100), (1 << 30) / 1000));
        self.tree("thousand", files)
    }

    /// 10,000 files of 0.1 to 20 KB.
    pub(crate) fn small(&self) -> Result<Rc<Tree>> {
        let files = (0..10_000 / self.shrink).map(|n| (nested(n, 100), 100 + n * 7919 % 19_900));
        self.tree("small", files)
    }

    /// 100,000 files of 1 KB.
    pub(crate) fn many(&self) -> Result<Rc<Tree>> {
        self.tree(
            "many",
            (0..100_000 / self.shrink).map(|n| (nested(n, 250), 1000)),
        )
    }

    /// Folders in folders, 60 deep, with a file of 4 KB in each: 6,000 of them.
    pub(crate) fn deep(&self) -> Result<Rc<Tree>> {
        let files = (0..(6000 / self.shrink).max(60)).map(|n| {
            let mut path = PathBuf::from((n / 60).to_string());
            path.extend((0..n % 60).map(|level| format!("level-{level}")));
            (path.join("file"), 4096)
        });
        self.tree("deep", files)
    }

    fn tree(&self, name: &str, files: impl Iterator<Item = (PathBuf, u64)>) -> Result<Rc<Tree>> {
        if let Some(tree) = self.made.borrow().get(name) {
            return Ok(Rc::clone(tree));
        }
        let mut tree = Tree {
            path: self.at.join(name),
            bytes: 0,
            files: Vec::new(),
        };
        for (file, bytes) in files {
            let path = tree.path_of(&file);
            tree.files.push(file);
            tree.bytes += bytes;
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            write(&path, bytes)?;
        }
        let tree = Rc::new(tree);
        self.made
            .borrow_mut()
            .insert(name.to_owned(), Rc::clone(&tree));
        Ok(tree)
    }
}

/// So many files in each folder.
fn nested(number: u64, in_each: u64) -> PathBuf {
    Path::new(&(number / in_each).to_string()).join(format!("{number}.bin"))
}

/// Writes a file of noise that follows from its path.
fn write(path: &Path, bytes: u64) -> Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    let noise = blake3::Hasher::new().update(name).finalize_xof();
    let mut file = fs::File::create(path)?;
    std::io::copy(&mut std::io::Read::take(noise, bytes), &mut file)?;
    Ok(())
}
