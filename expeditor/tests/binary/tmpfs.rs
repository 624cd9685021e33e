//! A small file system of its own, which can be filled.

use std::{
    ffi::CString,
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// Set where tests cannot mount and somebody has decided that they may be left out.
const LEAVE_OUT: &str = "TESTS_WITHOUT_MOUNT";

pub(crate) struct Tmpfs {
    directory: TempDir,
}

impl Tmpfs {
    /// One of so many megabytes; `None` where mounting is refused and may be left out.
    pub(crate) fn mount(megabytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let options = CString::new(format!("size={megabytes}m")).unwrap();
        let mounted = mount(
            "tmpfs",
            directory.path(),
            "tmpfs",
            MountFlags::empty(),
            Some(options.as_c_str()),
        );
        match mounted {
            Ok(()) => Some(Self { directory }),
            Err(error) if std::env::var_os(LEAVE_OUT).is_some() => {
                eprintln!("LEFT OUT, since a tmpfs cannot be mounted: {error}");
                None
            }
            Err(error) => panic!(
                "a tmpfs cannot be mounted: {error}. This test fills a disk and needs root for it; \
                 {LEAVE_OUT}=1 leaves it out"
            ),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn ballast(&self) -> PathBuf {
        self.directory.path().join("ballast")
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            let block = vec![0; size];
            loop {
                match file.write_all(&block) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Makes room again.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let path: &Path = self.directory.path();
        // Detached, it goes when the last file in it is closed.
        let _ = unmount(path, UnmountFlags::DETACH);
    }
}
