//! Whoever is told to end while Terraform works passes it on, once, and waits: Terraform then ends
//! what it has begun, writes its state and gives its lock back. Killed, it would leave a lock that
//! nobody holds and things that no state knows. The signals are Ctrl-C, a request to end, and a
//! terminal that goes away; a second one changes nothing.

use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How often it is looked whether somebody asked.
const LOOK: Duration = Duration::from_millis(50);

/// The flags that the signals meet.
struct Flags {
    /// Nobody works: a signal ends the program, as it always does.
    idle: Arc<AtomicBool>,
    /// A signal came while somebody worked.
    asked: Arc<AtomicBool>,
}

/// Sets the handlers up, once.
fn flags() -> anyhow::Result<&'static Flags> {
    static FLAGS: OnceLock<Result<Flags, String>> = OnceLock::new();
    let made = FLAGS.get_or_init(|| {
        let flags = Flags { idle: Arc::new(AtomicBool::new(true)), asked: Arc::default() };
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // `nohup` has switched it off, and it stays so
            if model::human::ignores(&status, signal) {
                continue;
            }
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&flags.idle))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flags.asked)))
                .map_err(|error| error.to_string())?;
        }
        Ok(flags)
    });
    made.as_ref().map_err(|error| anyhow::anyhow!("{error}")).context("cannot listen for signals")
}

/// Works beside the process `pid`, which ends by itself: a signal meanwhile is passed on to it.
/// What was worked out, and whether there was a signal.
pub(super) fn beside<T>(pid: u32, work: impl FnOnce() -> T) -> anyhow::Result<(T, bool)> {
    let flags = flags()?;
    flags.asked.store(false, Ordering::Relaxed);
    flags.idle.store(false, Ordering::Relaxed);
    let over = AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if flags.asked.load(Ordering::Relaxed) {
                    // a terminal that is gone takes no words
                    let _ = writeln!(
                        std::io::stderr(),
                        "stopping: Terraform ends what it has begun and gives the state back; \
                         this may take some minutes"
                    );
                    let _ = Command::new("kill").args(["-INT", &pid.to_string()]).status();
                    return;
                }
                std::thread::sleep(LOOK);
            }
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    });
    flags.idle.store(true, Ordering::Relaxed);
    Ok((done, flags.asked.load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Stdio;

    use super::*;

    /// A Terraform that holds a lock until it is asked to end, and takes its time for that.
    const PATIENT: &str = "lock=$1; : > $lock; trap 'echo asked >> $lock.log; sleep 0.3; \
                           echo ended >> $lock.log; rm $lock; exit 1' INT; \
                           while :; do sleep 0.05; done";

    #[test]
    fn a_signal_is_passed_on_once_and_the_end_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let me = std::process::id().to_string();
        for signal in ["-HUP", "-TERM", "-INT"] {
            let lock = folder.path().join(signal);
            let mut child = Command::new("sh")
                .args(["-c", PATIENT, "sh"])
                .arg(&lock)
                .stdin(Stdio::null())
                .process_group(0)
                .spawn()
                .unwrap();
            let ((), was_asked) = beside(child.id(), || {
                while !lock.exists() {
                    std::thread::sleep(LOOK);
                }
                for _ in 0..2 {
                    assert!(Command::new("kill").args([signal, &me]).status().unwrap().success());
                    std::thread::sleep(Duration::from_millis(100));
                }
                child.wait().unwrap();
            })
            .unwrap();
            assert!(was_asked, "{signal}");
            assert!(!lock.exists(), "{signal}: the lock is given back");
            let log = std::fs::read_to_string(format!("{}.log", lock.display())).unwrap();
            assert_eq!(log, "asked\nended\n", "{signal}");
        }
        let ((), was_asked) = beside(std::process::id(), || ()).unwrap();
        assert!(!was_asked, "an old signal is no new one");
    }
}
