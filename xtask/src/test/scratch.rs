//! Where the tests make their lakes: in memory, where this machine has room. The lakes are many and
//! small, and each of their writes is synced, for which a disk makes the tests wait.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// Linux's folder in memory.
const MEMORY: &str = "/dev/shm";
/// How the folders are named; the process that made one follows.
const NAME: &str = "market-lake-test-";
/// What must be free of it and of the memory itself: many times what the lakes come to, for the programs
/// under test need memory too.
const ROOM: u64 = 8 * 1024 * 1024;

/// A folder that goes with its value.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder in memory; `None` where there is none or where it has too little room: the
    /// system's own then serves.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn in_memory() -> anyhow::Result<Option<Self>> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let about = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let free = Command::new("df").args(["-Pk", MEMORY]).output();
        let free = free.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        if !has_room(&mounts, &about, &free.unwrap_or_default()) {
            return Ok(None);
        }
        sweep(Path::new(MEMORY));
        let folder = Path::new(MEMORY).join(format!("{NAME}{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Some(Self(folder)))
    }

    /// The variable that tells programs where temporary files go.
    pub(super) fn variable(&self) -> (String, String) {
        ("TMPDIR".to_owned(), self.0.display().to_string())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // what stays takes memory until the machine starts anew: that is told
        if let Err(error) = fs::remove_dir_all(&self.0) {
            println!("cannot delete {}: {error}", self.0.display());
        }
    }
}

/// Deletes what a process left that was killed: it would take memory until the machine starts anew.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(process) = name.strip_prefix(NAME)
            && !Path::new("/proc").join(process).exists()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the folder in memory is one from which programs can be started, and it and the memory have room, as `/proc/mounts`,
/// `/proc/meminfo` and `df -Pk` say.
fn has_room(mounts: &str, about: &str, free: &str) -> bool {
    let is_memory = mounts.lines().any(|line| {
        let mut words = line.split(' ').skip(1);
        let what = [words.next(), words.next()] == [Some(MEMORY), Some("tmpfs")];
        what && !words.next().is_some_and(|options| options.split(',').any(|o| o == "noexec"))
    });
    let kib = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    let memory = about.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let memory = kib(memory.and_then(|rest| rest.split_whitespace().next()));
    let folder = kib(free.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)));
    is_memory && memory >= ROOM && folder >= ROOM
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_serves_where_it_has_room() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw,relatime 0 0\n";
        let about = "MemTotal: 24683584 kB\nMemAvailable:   16683584 kB\n";
        let free = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                    tmpfs 24683584 0 24683584 0% /dev/shm\n";
        assert!(has_room(mounts, about, free));
        assert!(!has_room("/dev/vda /dev/shm ext4 rw 0 0\n", about, free), "a disk");
        assert!(!has_room(mounts, "MemAvailable: 683584 kB\n", free), "little memory");
        // what a container has if nobody asks for more
        assert!(!has_room(mounts, about, &free.replace(" 24683584 0%", " 65536 0%")), "64 MiB");
        assert!(!has_room(&mounts.replace("rw,", "rw,noexec,"), about, free), "of no use to tests");
        assert!(!has_room("", "", ""), "another system");
    }

    #[test]
    fn what_the_killed_left_is_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let ours = folder.path().join(format!("{NAME}{}", std::process::id()));
        let left = folder.path().join(format!("{NAME}{}", u32::MAX));
        let others = folder.path().join("others");
        for made in [&ours, &left, &others] {
            fs::create_dir(made).expect("a folder");
        }
        sweep(folder.path());
        assert_eq!([ours.exists(), left.exists(), others.exists()], [true, false, true]);
    }
}
