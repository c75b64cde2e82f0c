//! How much memory a session may take before it spills where nobody says how much: a part of what
//! this machine has. Reads what Linux tells of its memory, and that of a container.

/// MiB that no query exceeds without saying so.
const MOST_MIB: u64 = 2_048;
/// MiB below which no session over this lake works well.
const LEAST_MIB: u64 = 128;
/// MiB that a machine has which does not tell.
const UNKNOWN_MIB: u64 = 4_096;

/// MiB for a query where nobody says how many: half of the memory, 2 GiB at most.
pub fn of_query() -> u64 {
    half().min(MOST_MIB)
}

/// MiB for the session of a stage, which has the machine or the container to itself: half of the
/// memory.
pub fn of_stage() -> usize {
    usize::try_from(half()).unwrap_or(usize::MAX >> 20)
}

fn half() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
    of(&meminfo, &limit)
}

/// Half of it: `meminfo` is what /proc/meminfo says, `limit` what a control group allows.
fn of(meminfo: &str, limit: &str) -> u64 {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok())
        .map(|kib: u64| kib / 1024);
    let limit = limit.trim().parse().ok().map(|bytes: u64| bytes >> 20);
    let here = total.into_iter().chain(limit).min().unwrap_or(UNKNOWN_MIB);
    (here / 2).max(LEAST_MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_what_there_is() {
        let check = |meminfo: &str, limit: &str, expect: u64| {
            assert_eq!(of(meminfo, limit), expect, "{meminfo} {limit}");
        };
        check("", "", 2_048);
        check("MemTotal:       32768000 kB\n", "max\n", 16_000);
        check("MemFree: 1 kB\nMemTotal:       2097152 kB\n", "max\n", 1_024);
        check("MemTotal:       32768000 kB\n", "1073741824\n", 512);
        check("MemTotal:       65536 kB\n", "", 128);
    }
}
