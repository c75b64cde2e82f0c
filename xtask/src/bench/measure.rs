//! Running whole programs in turn and measuring them from outside: wall time and the peak of
//! resident memory as the kernel counts it. No judgement, no statistics beyond the median.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// One program of a bench.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    /// Its name in the table.
    pub(super) name: String,
    /// The command line.
    pub(super) command: Vec<OsString>,
    /// A folder that is emptied before each run.
    pub(super) out: std::path::PathBuf,
}

/// What was measured of one program.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Its name.
    pub(super) name: String,
    /// Wall times, sorted.
    pub(super) walls: Vec<Duration>,
    /// Greatest resident memory of any run, in bytes.
    pub(super) peak: u64,
    /// Bytes it wrote.
    pub(super) written: u64,
}

impl Measured {
    /// The median wall time.
    pub(super) fn median(&self) -> Duration {
        self.walls.get(self.walls.len() / 2).copied().unwrap_or_default()
    }
}

/// Runs the contenders in turn (A B C A B C …), once unmeasured and `runs` times measured.
pub(super) fn in_turn(contenders: &[Contender], runs: usize) -> anyhow::Result<Vec<Measured>> {
    let mut all: Vec<Measured> = contenders
        .iter()
        .map(|c| Measured { name: c.name.clone(), walls: Vec::new(), peak: 0, written: 0 })
        .collect();
    for round in 0..=runs {
        for (contender, figures) in contenders.iter().zip(&mut all) {
            let (wall, peak) = once(contender)?;
            eprintln!(
                "  {} {}: {:.2} s, {} MiB",
                if round == 0 { "warm-up".to_owned() } else { format!("run {round}") },
                contender.name,
                wall.as_secs_f64(),
                peak >> 20
            );
            figures.peak = figures.peak.max(peak);
            figures.written = size_of(&contender.out)?;
            if round > 0 || runs == 0 {
                figures.walls.push(wall);
            }
        }
    }
    for figures in &mut all {
        figures.walls.sort();
    }
    Ok(all)
}

/// Runs a program once: wall time and peak memory.
fn once(contender: &Contender) -> anyhow::Result<(Duration, u64)> {
    if contender.out.exists() {
        std::fs::remove_dir_all(&contender.out)?;
    }
    std::fs::create_dir_all(&contender.out)?;
    let (program, args) = contender.command.split_first().context("an empty command")?;
    let log = std::fs::File::create(contender.out.with_extension("log"))?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", contender.name))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // the kernel keeps the high-water mark itself, so a look now and then loses at most what is
    // allocated in the last few milliseconds of a program's life
    let status = loop {
        peak = peak.max(high_water(Path::new(&status_file)));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let wall = start.elapsed();
    if !status.success() {
        let log = contender.out.with_extension("log");
        bail!("{} failed ({status}); what it said is in {}", contender.name, log.display());
    }
    Ok((wall, peak))
}

/// `VmHWM` of a process in bytes; 0 when it is gone or there is no /proc.
fn high_water(status: &Path) -> u64 {
    std::fs::read_to_string(status)
        .ok()
        .and_then(|text| {
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        })
        .map_or(0, |kib| kib << 10)
}

/// Bytes of all files below a folder.
pub(super) fn size_of(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        sum += if kind.is_dir() { size_of(&entry.path())? } else { kind.len() };
    }
    Ok(sum)
}

/// Prints the figures: the first one is ours, the others' ratios are to it.
pub(super) fn print(title: &str, input: u64, figures: &[Measured]) {
    println!("\n{title}");
    println!(
        "  {:<28} {:>9} {:>9} {:>9} {:>10} {:>10} {:>8}",
        "program", "min s", "median s", "max s", "MB/s", "peak MiB", "out MB"
    );
    let ours = figures.first().map_or(0.0, |f| f.median().as_secs_f64());
    for figure in figures {
        let median = figure.median().as_secs_f64();
        let edge = |wall: Option<&Duration>| wall.map_or(0.0, Duration::as_secs_f64);
        println!(
            "  {:<28} {:>9.2} {:>9.2} {:>9.2} {:>10.0} {:>10} {:>8.0}  {:.2}×",
            figure.name,
            edge(figure.walls.first()),
            median,
            edge(figure.walls.last()),
            input as f64 / 1e6 / median.max(1e-9),
            figure.peak >> 20,
            figure.written as f64 / 1e6,
            median / ours.max(1e-9),
        );
    }
}
