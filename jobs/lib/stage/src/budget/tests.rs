//! Budgets that share a document, on a clock that is moved when all that work sleep.

use std::collections::BTreeMap;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::ManualClock;

const START: &str = "2026-12-01T00:00:10Z";

/// Where the document lies.
#[derive(Clone)]
enum Place {
    Folder(Lake),
    Store(Arc<dyn ObjectStore>),
}

/// When each request was sent, and its credits.
type Seen = Vec<(DateTime<Utc>, u32)>;

/// A lake, its clock, and what the provider has seen.
#[derive(Clone)]
struct World {
    place: Place,
    clock: ManualClock,
    seen: Arc<std::sync::Mutex<Seen>>,
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect(text)
}

fn acme() -> Source {
    "acme".parse().expect("source")
}

fn limits(per_second: Option<u32>, per_minute: Option<u32>, per_day: Option<u32>) -> Limits {
    Limits { requests_per_second: per_second, per_minute, per_day, ..Limits::default() }
}

impl World {
    fn new(place: Place) -> Self {
        Self { place, clock: ManualClock::at(time(START)), seen: Arc::default() }
    }

    fn in_store() -> Self {
        Self::new(Place::Store(Arc::new(InMemory::new())))
    }

    fn in_folder() -> (tempfile::TempDir, Lake, Self) {
        let folder = tempfile::tempdir().expect("folder");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        (folder, lake.clone(), Self::new(Place::Folder(lake)))
    }

    fn budget(&self, limits: &Limits, run: u32) -> Budget {
        let run = RunId::new(time(START), run);
        let clock = Clock::Manual(self.clock.clone());
        let kept = match &self.place {
            Place::Folder(lake) => Kept::of(lake, layout::limits(acme())),
            Place::Store(objects) => Kept::in_store(Arc::clone(objects), &layout::limits(acme())),
        };
        Budget::of(kept, acme(), limits, &run, &clock)
    }

    fn now(&self) -> DateTime<Utc> {
        Clock::Manual(self.clock.clone()).now()
    }

    /// Asks again and again, and waits where it is told to, as long as `days` last.
    fn asks(&self, budget: &Budget, credits: u32, days: i64) -> JoinHandle<()> {
        let (world, budget) = (self.clone(), budget.clone());
        let clock = Clock::Manual(self.clock.clone());
        tokio::spawn(async move {
            let end = time(START) + TimeDelta::days(days) - TimeDelta::seconds(60);
            while clock.now() < end {
                match budget.reserve(credits).await {
                    Ok(_held) => {
                        world.seen.lock().expect("seen").push((clock.now(), credits));
                        let answer = TimeDelta::milliseconds(fastrand::i64(0..3_000));
                        clock.sleep_until(clock.now() + answer).await;
                    }
                    Err(NoCredit::Spent(spent)) => clock.sleep_until(spent.until).await,
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
    }

    /// Moves the clock to when the first of all sleepers wakes, and up to `late_ms` further.
    async fn drive(&self, works: Vec<JoinHandle<()>>, late_ms: i64) {
        loop {
            let open = works.iter().filter(|work| !work.is_finished()).count();
            if open == 0 {
                break;
            }
            let sleepers = self.clock.sleepers();
            let next = sleepers.iter().min().copied().filter(|next| *next > self.now());
            match next.filter(|_| sleepers.len() == open) {
                Some(next) => {
                    let late = TimeDelta::milliseconds(fastrand::i64(0..=late_ms));
                    self.clock.advance(next - self.now() + late);
                }
                None => tokio::time::sleep(Duration::from_micros(20)).await,
            }
        }
        for work in works {
            work.await.expect("work");
        }
    }

    /// The most credits (or requests) in any stretch of so many seconds.
    fn most_in(&self, seconds: i64, of: impl Fn(u32) -> u32) -> u32 {
        let mut seen = self.seen.lock().expect("seen").clone();
        seen.sort_unstable();
        let stretch = |from: usize| {
            let first = seen[from].0;
            let inside = move |at: DateTime<Utc>| at - first < TimeDelta::seconds(seconds);
            seen[from..].iter().take_while(move |(at, _)| inside(*at))
        };
        (0..seen.len()).map(|n| stretch(n).map(|(_, c)| of(*c)).sum()).max().unwrap_or(0)
    }

    /// Credits a day.
    fn days(&self) -> Vec<u32> {
        let mut days = BTreeMap::<_, u32>::new();
        for (at, credits) in self.seen.lock().expect("seen").iter() {
            *days.entry(at.date_naive()).or_default() += credits;
        }
        days.into_values().collect()
    }
}

/// Three runs with two workers each, for three days.
async fn check(world: World, per_minute: u32, per_day: u32) {
    let limits = limits(None, Some(per_minute), Some(per_day));
    let mut works = Vec::new();
    for run in 0..3 {
        let budget = world.budget(&limits, run);
        works.extend([1, run + 1].map(|credits| world.asks(&budget, credits, 3)));
    }
    world.drive(works, 900).await;
    let most = world.most_in(60, |credits| credits);
    // a request of three may find room for two
    assert!((per_minute - 2..=per_minute).contains(&most), "{most} in a minute");
    assert_eq!(world.days(), [per_day; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_keep_the_limits_together_in_a_store_of_etags() {
    check(World::in_store(), 30, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_keep_the_limits_together_in_a_directory() {
    let (_folder, _, world) = World::in_folder();
    check(world, 8, 40).await;
}

/// Three runs that ask three times a second, and wake up so many milliseconds late.
async fn seconds(late_ms: i64) -> World {
    let world = World::in_store();
    let limits = limits(Some(3), None, Some(120));
    let works: Vec<_> = (0..3)
        .flat_map(|run| {
            let budget = world.budget(&limits, run);
            [1, 1].map(|credits| world.asks(&budget, credits, 1))
        })
        .collect();
    world.drive(works, late_ms).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_share_the_second() {
    // a request waits twice, for its instant and for its process: both together are not too late
    let world = seconds(120).await;
    assert!(world.most_in(1, |_| 1) <= 3);
    assert_eq!(world.days(), [120]);
    // what would come too late is lost, and its second is nobody else's
    let world = seconds(1_500).await;
    assert!(world.most_in(1, |_| 1) <= 3);
    assert!(world.days() < vec![120]);
}

#[tokio::test]
async fn the_next_run_knows_what_was_spent_and_when_it_can_go_on() {
    let (_folder, lake, world) = World::in_folder();
    let limits = limits(None, None, Some(2));
    let first = world.budget(&limits, 1);
    for _ in 0..2 {
        let held = first.reserve(1).await.expect("room");
        assert_eq!((held.at(), held.is_over(world.now())), (time(START), false));
    }
    drop(first);
    let second = world.budget(&limits, 2);
    let refused = second.reserve(1).await.expect_err("spent");
    assert_eq!(refused.exit(), Exit::SourceUnavailable);
    assert_eq!(
        refused.to_string(),
        "the day's 2 credits of acme are used up (by run 20261201T000010Z-00000001); it can go on at \
         2026-12-02 00:00 UTC"
    );
    assert_eq!(second.used_today().await, 2);
    let refused = second.reserve(3).await.expect_err("too many");
    assert_eq!(
        refused.to_string(),
        "a request of 3 credits, expected at most 2, which is acme's limit of a day"
    );
    world.clock.advance(TimeDelta::days(1));
    assert_eq!(second.reserve(1).await.expect("a new day").at(), world.now());
    let text = lake.read("bronze/limits/acme.json").await.expect("document");
    assert_eq!(
        std::str::from_utf8(&text).expect("text"),
        r#"{
  "version": 1,
  "closed_until": null,
  "booked": [
    {
      "at": "2026-12-02T00:00:10Z",
      "credits": 1
    }
  ],
  "days": [
    {
      "begins": "2026-12-01T00:00:00Z",
      "ends": "2026-12-02T00:00:00Z",
      "credits": 2,
      "by": {
        "20261201T000010Z-00000001": 2
      },
      "closed": false
    },
    {
      "begins": "2026-12-02T00:00:00Z",
      "ends": "2026-12-03T00:00:00Z",
      "credits": 1,
      "by": {
        "20261201T000010Z-00000002": 1
      },
      "closed": false
    }
  ]
}
"#
    );
}

#[tokio::test]
async fn a_document_that_is_deleted_frees_nobody_who_knew_it() {
    let (_folder, lake, world) = World::in_folder();
    let limits = limits(None, None, Some(3));
    let key = layout::limits(acme());
    let budget = world.budget(&limits, 1);
    for _ in 0..2 {
        let _held = budget.reserve(1).await.expect("room");
        lake.delete(&key).await.expect("delete");
    }
    let _held = budget.reserve(1).await.expect("room");
    // another one learns it from him
    for run in 1..=2 {
        let other = world.budget(&limits, run);
        assert_eq!(other.reserve(1).await.expect_err("spent").exit(), Exit::SourceUnavailable);
    }
    assert_eq!(budget.reserve(1).await.expect_err("spent").exit(), Exit::SourceUnavailable);
}

#[tokio::test]
async fn a_document_that_nobody_understands_stays() {
    let (_folder, lake, world) = World::in_folder();
    let limits = limits(None, Some(8), Some(800));
    let key = layout::limits(acme());
    for (text, expect) in [
        ("{\"version\": 1, \"booked\"", "it is damaged; delete it to begin anew"),
        ("{\"version\": 2}", "it is of version 2, expected 1: a newer program wrote it"),
    ] {
        lake.write(&key, text).await.expect("write");
        let error = world.budget(&limits, 1).reserve(1).await.expect_err("no such document");
        let said = model::human::chain(&error);
        assert!(
            said.starts_with("`bronze/limits/acme.json` does not tell what was asked: "),
            "{said}"
        );
        assert!(said.contains(expect), "{said}");
        assert_eq!(error.exit(), Exit::DataRefused);
        assert_eq!(lake.read(&key).await.expect("read"), text);
    }
    lake.delete(&key).await.expect("delete");
    let budget = world.budget(&limits, 1);
    let _held = budget.reserve(1).await.expect("anew");
    // somebody's clock is an hour ahead
    world.clock.advance(TimeDelta::hours(1));
    let _held = world.budget(&limits, 2).reserve(8).await.expect("room");
    let behind = World::new(world.place.clone());
    let error = behind.budget(&limits, 3).reserve(1).await.expect_err("an hour ahead");
    assert!(error.to_string().contains("a machine's clock is or was wrong"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_holds_back_those_who_wait_elsewhere() {
    let world = World::in_store();
    let limits = limits(None, Some(8), Some(30));
    let (one, other) = (world.budget(&limits, 1), world.budget(&limits, 2));
    let refused = one.reserve(8).await.expect("room");
    let waits = tokio::spawn({
        let other = other.clone();
        async move { other.reserve(8).await }
    });
    while world.clock.sleepers().is_empty() {
        tokio::task::yield_now().await;
    }
    // it waits for 64 s after the first, and the provider refuses the first ones after 10 s
    world.clock.advance(TimeDelta::seconds(10));
    one.refused(&refused, Window::Minute).await.expect("noted");
    world.clock.advance(TimeDelta::seconds(54));
    let later = time(START) + TimeDelta::seconds(128);
    let anew = async {
        while world.clock.sleepers() != [later] {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), anew).await.expect("it waits anew");
    // what it had waited for is lost
    world.clock.advance(TimeDelta::seconds(64));
    let held = waits.await.expect("work").expect("room");
    assert_eq!(held.at(), world.now());
    assert_eq!(other.used_today().await, 24);
    one.refused(&refused, Window::Day).await.expect("noted");
    let error = other.reserve(1).await.expect_err("closed");
    assert!(error.to_string().starts_with("acme says that the day's 30 credits"), "{error}");
}

#[tokio::test]
async fn the_providers_own_count_holds() {
    let world = World::in_store();
    let limits = limits(None, Some(8), None);
    let budget = world.budget(&limits, 1);
    let held = budget.reserve(1).await.expect("room");
    budget.told(&held, 1, 7).await.expect("noted");
    assert_eq!(budget.reserve(6).await.expect("room").at(), world.now());
    budget.told(&held, 8, 0).await.expect("noted");
    let later = tokio::spawn({
        let budget = budget.clone();
        async move { budget.reserve(1).await.expect("room").at() }
    });
    while world.clock.sleepers().is_empty() {
        tokio::task::yield_now().await;
    }
    world.clock.advance(TimeDelta::seconds(64));
    assert_eq!(later.await.expect("work"), time(START) + TimeDelta::seconds(64));
    // a plan with fewer credits than the limits say
    budget.told(&held, 1, 4).await.expect("noted");
    let error = budget.reserve(6).await.expect_err("too many");
    assert!(error.to_string().contains("6 credits, expected at most 5"), "{error}");
}
