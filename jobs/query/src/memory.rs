//! How much memory a query may take before it spills: what is said, or a part of what this machine
//! has. Reads what Linux tells of its memory, and that of a container.

/// MiB that nobody exceeds without saying so.
const MOST_MIB: u64 = 2_048;
/// MiB below which no query of this lake works well.
const LEAST_MIB: u64 = 128;

/// MiB for a query where nobody says how many: half of the memory, 2 GiB at most.
pub fn default_mib() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
    of(&meminfo, &limit)
}

/// `meminfo` is what /proc/meminfo says, `limit` what a control group allows.
fn of(meminfo: &str, limit: &str) -> u64 {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok())
        .map(|kib: u64| kib / 1024);
    let limit = limit.trim().parse().ok().map(|bytes: u64| bytes >> 20);
    let here = total.into_iter().chain(limit).min().unwrap_or(2 * MOST_MIB);
    (here / 2).clamp(LEAST_MIB, MOST_MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_what_there_is_within_bounds() {
        let check = |meminfo: &str, limit: &str, expect: u64| {
            assert_eq!(of(meminfo, limit), expect, "{meminfo} {limit}");
        };
        check("", "", 2_048);
        check("MemTotal:       32768000 kB\n", "max\n", 2_048);
        check("MemFree: 1 kB\nMemTotal:       2097152 kB\n", "max\n", 1_024);
        check("MemTotal:       32768000 kB\n", "1073741824\n", 512);
        check("MemTotal:       65536 kB\n", "", 128);
    }
}
