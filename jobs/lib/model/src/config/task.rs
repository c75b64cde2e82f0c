//! The size of a task: Fargate's own table, by which lake.yaml is refused and Terraform too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The size of a task, one of Fargate's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// CPU units; 1024 are one virtual CPU.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk for spill and staging files in GiB: 20, which cost nothing, to 200.
    #[serde(default = "storage_gib")]
    pub storage_gib: u32,
}

/// What Fargate gives a task without being asked, in GiB.
pub(super) const STORAGE_GIB: u32 = 20;

const fn storage_gib() -> u32 {
    STORAGE_GIB
}

impl Task {
    /// Every size of Fargate's: CPU units, and what memory in MiB they come with.
    pub fn sizes() -> BTreeMap<u32, Vec<u32>> {
        let fits = |cpu: u32| -> Vec<u32> {
            let task = |memory_mib| Self { cpu, memory_mib, storage_gib: STORAGE_GIB };
            // the smallest step is 512 MiB
            (1..=240).map(|n| n * 512).filter(|mib| task(*mib).fault().is_none()).collect()
        };
        Self::SIZES.iter().map(|(cpu, ..)| (*cpu, fits(*cpu))).collect()
    }

    /// Fargate's sizes: CPU units, least and most memory in MiB, step of it.
    const SIZES: &'static [(u32, u32, u32, u32)] = &[
        (256, 512, 2_048, 512),
        (512, 1_024, 4_096, 1_024),
        (1_024, 2_048, 8_192, 1_024),
        (2_048, 4_096, 16_384, 1_024),
        (4_096, 8_192, 30_720, 1_024),
        (8_192, 16_384, 61_440, 4_096),
        (16_384, 32_768, 122_880, 8_192),
    ];

    /// What is wrong with the size.
    pub(super) fn fault(self) -> Option<String> {
        let Some((_, least, most, step)) = Self::SIZES.iter().find(|(cpu, ..)| *cpu == self.cpu)
        else {
            let sizes: Vec<String> = Self::SIZES.iter().map(|(cpu, ..)| cpu.to_string()).collect();
            return Some(format!("bad cpu {}, expected one of {}", self.cpu, sizes.join(", ")));
        };
        let fits = (*least..=*most).contains(&self.memory_mib)
            && (self.memory_mib - least).is_multiple_of(*step)
            // the smallest CPU comes with three sizes
            && (self.cpu, self.memory_mib) != (256, 1_536);
        let expected = match self.cpu {
            256 => "512, 1024 or 2048".to_owned(),
            _ => format!("{least} to {most} in steps of {step}"),
        };
        let Self { cpu, memory_mib, storage_gib } = self;
        if !fits {
            return Some(format!(
                "bad memory_mib {memory_mib} with cpu {cpu}, expected {expected}"
            ));
        }
        (!(20..=200).contains(&storage_gib))
            .then(|| format!("bad storage_gib {storage_gib}, expected 20 to 200"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's page "Fargate task definition CPU and memory", as it stands there.
    #[test]
    fn sizes_are_fargates() {
        let gib = |least: u32, most: u32, step: usize| -> Vec<u32> {
            (least..=most).step_by(step).map(|gib| gib * 1_024).collect()
        };
        let expect = BTreeMap::from([
            (256, vec![512, 1_024, 2_048]),
            (512, gib(1, 4, 1)),
            (1_024, gib(2, 8, 1)),
            (2_048, gib(4, 16, 1)),
            (4_096, gib(8, 30, 1)),
            (8_192, gib(16, 60, 4)),
            (16_384, gib(32, 120, 8)),
        ]);
        assert_eq!(Task::sizes(), expect);
    }
}
