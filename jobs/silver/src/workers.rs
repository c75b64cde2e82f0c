//! Plain threads that share a list of work. The work is bound by the processor, so an
//! asynchronous runtime would only be in its way.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of workers to use: as configured, or one a core; never more than there is work.
pub(crate) fn count(configured: u32, items: usize) -> usize {
    let wanted = match configured {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n as usize,
    };
    wanted.min(items).max(1)
}

/// Does `work` on every item, `workers` at once. The answers stand in the order of the items;
/// `None` where the work panicked.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        let take = || {
            while let Some((item, answer)) = {
                let place = next.fetch_add(1, Ordering::Relaxed);
                items.get(place).zip(answers.get(place))
            } {
                let done = work(item);
                if let Ok(mut answer) = answer.lock() {
                    *answer = Some(done);
                }
            }
        };
        let threads: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(take)).collect();
        for thread in threads {
            // the thread has told of its panic; its item stays without an answer
            let _ = thread.join();
        }
        // what workers that panicked have left over
        take();
    });
    answers.into_iter().map(|answer| answer.into_inner().ok().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once_and_in_its_place() {
        for workers in [0, 1, 3, 50] {
            let items: Vec<u32> = (0..20).collect();
            let done = each(&items, workers, |n| n * 2);
            assert_eq!(done, items.iter().map(|n| Some(n * 2)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_stops_only_its_item() {
        let done = each(&[1, 2, 3, 4], 2, |n| {
            assert!(n % 2 == 0, "odd");
            *n
        });
        assert_eq!(done, [None, Some(2), None, Some(4)]);
    }
}
