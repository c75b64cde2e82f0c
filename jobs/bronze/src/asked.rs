//! One unit that is asked for page by page, be it one of a source without archives or the tail of one
//! with archives: its answers, kept as received, and the fragment that tells
//! what became of it. What is asked and what an answer means is the provider's
//! ([`source::questions`]); what may be asked is the budget's ([`stage::budget`]).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use model::config::Section;
use model::fragment::{ANSWERS, ArchiveStatus, BronzeFragment};
use model::plan::Remote;
use model::unit::{Unit, sha256_hex};
use model::{Day, Market, Period, RawArchive, layout};
use source::ask::{Answer, Request, Unavailable};
use source::limits::{Limits, MINUTE, Window};
use source::questions::{Envelope, HEADERS, Inquiry, Next, Page, Question, Questions, Received};
use source::rest::{Concerns, Key, Refusal, Unaskable};
use source::{Provider, questions};
use stage::budget::Budget;
use stage::http::{SourceClient, Trouble, host_time, retry_after};
use stage::{Context, Meter};
use store::{Lake, StoreError, blocking};

use crate::collected::Collected;
use crate::download::Effort;
use crate::gates::{self, Gates};
use crate::pages::Pages;
use crate::unanswered::AskError;

/// Bytes of an answer at most. A longer one is none: what is cut off would be missed by nobody.
const ANSWER_BYTES: usize = 32 << 20;
/// Answers that are remembered, to ask no question twice.
const ANSWERED: usize = 8;
/// What is said of a unit that was not asked for.
const LEARNT: &str = "learnt from another unit of the series; a new run asks again";

/// The way to one provider that is asked.
pub struct Asker<'a> {
    lake: &'a Lake,
    meter: &'a Meter,
    client: &'a SourceClient,
    questions: &'static dyn Questions,
    budget: Budget,
    key: Key,
    /// Why the provider answers nothing any more, once that is known: nobody else need spend a credit
    /// to learn it.
    closed: Mutex<Option<String>>,
    answered: Answered,
    gates: Gates<'a>,
    /// When nothing more is asked.
    ends: DateTime<Utc>,
}

/// Answers by what was asked, for those that hold more than one unit: the newest few.
#[derive(Default)]
struct Answered(Mutex<VecDeque<(String, Slot)>>);

/// An answer, or the room of the one who asks for it.
type Slot = Arc<tokio::sync::Mutex<Option<(Envelope, Received)>>>;

impl Answered {
    /// The slot of a question. Whoever locks it first asks.
    fn slot(&self, url: &str) -> Slot {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = kept.iter().find(|(asked, _)| asked == url) {
            return Arc::clone(slot);
        }
        // who is still at work keeps his place
        if kept.len() >= ANSWERED
            && let Some(done) = kept.iter().position(|(_, slot)| Arc::strong_count(slot) == 1)
        {
            kept.remove(done);
        }
        let slot = Slot::default();
        kept.push_back((url.to_owned(), Arc::clone(&slot)));
        slot
    }
}

/// What became of a question.
enum Told {
    /// An answer to keep, and what is worth telling of it.
    Page(Envelope, Received, String),
    /// There is nothing of the unit, in the provider's words.
    Nothing(String),
    /// The key's plan does not include it or more, in the provider's words.
    Excluded(Concerns, String),
}

impl<'a> Asker<'a> {
    /// The way to `provider` with the key and the limits of its section, or to the host of a market's
    /// tail, to be asked until `ends`; `None` for one that is not asked.
    ///
    /// # Errors
    /// [`stage::keys::NoKey`], or limits that cannot be kept, in words.
    pub fn new(
        context: &'a Context,
        client: &'a SourceClient,
        provider: &'static dyn Provider,
        section: &Section,
        tail_of: Option<Market>,
        ends: DateTime<Utc>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(questions) = provider.questions() else { return Ok(None) };
        let name = provider.name();
        let (given, free) = match tail_of {
            None => (section.limits.as_ref(), questions.free()),
            Some(market) => {
                let given = section.tail.as_ref().and_then(|tail| tail.limits.as_ref());
                (given, questions.free_of_tail(market))
            }
        };
        let limits = match given {
            None => free,
            Some(given) => Limits::of(given, &free).map_err(anyhow::Error::msg)?,
        };
        let key = match &section.key {
            None => Key::absent(),
            Some(place) => stage::keys::read(name, place)?,
        };
        let Context { lake, run, clock, meter, .. } = context;
        let budget = match tail_of {
            None => Budget::new(lake, name, &limits, run, clock),
            Some(market) => Budget::of_tail(lake, (name, market), &limits, run, clock),
        };
        Ok(Some(Self {
            lake,
            meter,
            client,
            questions,
            budget,
            key,
            closed: Mutex::default(),
            answered: Answered::default(),
            gates: Gates::of(lake, run, name),
            ends,
        }))
    }

    /// Whether a unit's day is over, of what the provider tells of now alone: an answer would be taken
    /// for what it knew on another day.
    fn is_over(&self, unit: &Unit) -> bool {
        let today = Day::new(self.client.now().date_naive());
        unit.dataset.tells_now() && unit.period != Period::Day(today)
    }

    /// Fetches one unit: every definite outcome is a fragment.
    ///
    /// # Errors
    /// [`AskError`] when there is no definite outcome.
    pub async fn fetch(
        &self,
        unit: &Unit,
        remote: &Remote,
        provider: &'static dyn Provider,
    ) -> Result<BronzeFragment, AskError> {
        if self.is_over(unit) {
            return Err(AskError::Over);
        }
        let at = self.client.now();
        let mut effort = Effort::default();
        let mut url = remote.url.clone();
        let unaskable = |unaskable: Unaskable| stopped(&remote.url, &unaskable.to_string(), 0);
        let mut turn = match self.gates.enter(unit).await? {
            Ok(turn) => turn,
            Err(why) => return Err(stopped(&url, &format!("{why}; {LEARNT}"), 0).into()),
        };
        let mut inquiry =
            self.questions.inquire(unit, remote.until, &self.key).map_err(unaskable)?;
        let mut pages = Pages::of(self.lake, unit, remote, at);
        let mut collected = Collected::of(remote, inquiry.grown_to());
        let mut until = remote.until;
        if let Some(held) = remote.held.as_ref().filter(|_| inquiry.grown_to().is_some()) {
            pages.grow_from(held).await?;
        }
        while let Some(question) = inquiry.question().map_err(unaskable)? {
            let asked = question.request.told(&remote.url);
            // there is more to come, and whoever comes to it need not ask for this again
            match collected.last() {
                Some((number, last)) => pages.keep(number, last).await?,
                None => url.clone_from(&asked),
            }
            let kept = pages.next(&asked).await?;
            let told = match kept.map(|(e, r)| (inquiry.take(&r.answer()), e, r)) {
                Some((Ok(page), envelope, received)) => Told::Page(envelope, received, page.notes),
                found => {
                    if found.is_some() {
                        pages.forget();
                    }
                    match self.ask(unit, remote, &question, inquiry.as_mut(), &mut effort).await {
                        Ok(told) => told,
                        Err(why) => {
                            until = Some(collected.end_early(why)?);
                            break;
                        }
                    }
                }
            };
            match told {
                Told::Page(envelope, received, note) => {
                    self.gates.answered(&mut turn, true).await?;
                    let added = collected.add((envelope, received), note, inquiry.grown_to());
                    if let Err(why) = added {
                        let why = stopped(&url, &why, effort.attempts).into();
                        until = Some(collected.end_early(why)?);
                        break;
                    }
                }
                Told::Excluded(concerns, words) => {
                    self.gates.refuse(turn, concerns, &words).await?;
                    return Err(stopped(&url, &words, effort.attempts).into());
                }
                Told::Nothing(words) => {
                    self.gates.answered(&mut turn, false).await?;
                    let fragment = Outcome { unit, url, at, effort, etag: None };
                    return Ok(fragment.ends(ArchiveStatus::Missing, Some(words), None));
                }
            }
        }
        // it may have waited for a window over midnight
        if self.is_over(unit) {
            return Err(AskError::Over);
        }
        let (answers, notes) = collected.finish();
        // what was answered, whenever and however it was asked: the same again is nothing new
        let sums: String = answers.iter().map(|(envelope, _)| envelope.sha256.as_str()).collect();
        let etag = format!("{ANSWERS}{}\"", &sha256_hex(sums.as_bytes())[..32]);
        let outcome = Outcome { unit, url, at, effort, etag: Some(etag.clone()) };
        let name = provider.file_name(unit);
        let name = until.map_or(name.clone(), |until| layout::tail_name(&name, until));
        let archive = self.keep(unit, &name, &etag, answers, at).await?;
        Ok(outcome.ends(ArchiveStatus::Unverified, Some(notes), Some(archive)))
    }

    /// Puts the answers in their place.
    async fn keep(
        &self,
        unit: &Unit,
        name: &str,
        etag: &str,
        answers: Vec<(Envelope, Received)>,
        at: DateTime<Utc>,
    ) -> Result<RawArchive, AskError> {
        let packed = blocking(move || {
            questions::pack(&answers).map_err(|error| StoreError::File {
                action: "pack answers into",
                path: "a zip".into(),
                source: std::io::Error::other(error),
            })
        });
        let object = packed.await?;
        let version = layout::raw_version(None, Some(etag), at.timestamp_micros());
        let key = layout::raw(unit, &version, name);
        // the same answers were kept before, with envelopes of another time: those stay
        if !self.lake.write_new(&key, object.clone()).await? {
            let held = self.lake.read(&key).await?;
            let (sha256, bytes) = (sha256_hex(&held), held.len() as u64);
            return Ok(RawArchive { object: key, sha256, bytes, fetched_at: at });
        }
        let (sha256, bytes) = (sha256_hex(&object), object.len() as u64);
        Ok(RawArchive { object: key, sha256, bytes, fetched_at: at })
    }

    /// Asks until there is an answer of use, a definite refusal, or no more patience.
    async fn ask(
        &self,
        unit: &Unit,
        remote: &Remote,
        question: &Question,
        inquiry: &mut dyn Inquiry,
        effort: &mut Effort,
    ) -> Result<Told, AskError> {
        let request = Request::question(&question.request, &remote.url, ANSWER_BYTES + 1);
        let slot = self.answered.slot(&request.url);
        let mut slot = slot.lock().await;
        if let Some(held) = slot.as_ref() {
            let taken = inquiry.take(&held.1.answer());
            return self.definite(&request.url, held, taken, 0);
        }
        let mut attempts = self.client.attempts(&request.url);
        let mut windows = 0;
        loop {
            if let Some(why) = self.closed() {
                return Err(stopped(&request.url, &why, attempts.made()).into());
            }
            if self.client.now() >= self.ends {
                return Err(AskError::Late);
            }
            let permit = attempts.begin().await?;
            let reserved = self.budget.reserve(question.credits).await?;
            let sent = self.client.try_once(&request).await;
            effort.attempts += 1;
            drop(permit);
            let answer = match sent {
                Ok(answer) => answer,
                Err(trouble) => {
                    drop(reserved);
                    let why = self.hidden(&trouble.why);
                    let failed = attempts.failed(&Trouble { why, ..trouble }).await;
                    self.silent(remote, failed)?;
                    continue;
                }
            };
            effort.transferred += answer.body.len() as u64;
            self.meter.bytes(answer.body.len() as u64);
            let number = |name: &str| answer.headers.get(name)?.to_str().ok()?.trim().parse().ok();
            if let Some((used, left)) = self.questions.told(&number) {
                self.budget.told(&reserved, used, left).await?;
            }
            let received = Received {
                status: answer.status.as_u16(),
                content_type: self.header(&answer, "content-type"),
                body: answer.body.to_vec(),
            };
            if received.body.len() > ANSWER_BYTES {
                let why = format!("more than {ANSWER_BYTES} bytes of one answer");
                return Err(stopped(&request.url, &why, attempts.made()).into());
            }
            let taken = inquiry.take(&received.answer());
            // a refusal may repeat the key, and is kept nowhere
            if taken.is_ok() && self.key.is_in(&received.body) {
                let why = "the answer repeats the key: it is not kept";
                return Err(stopped(&request.url, why, attempts.made()).into());
            }
            // by the host's own clock the last bar that was asked for is open still, and would change
            if let Some(until) = remote.until.filter(|_| taken.is_ok())
                && let Some(time) = host_time(&answer.headers).filter(|time| *time < until)
            {
                let why = format!(
                    "the host's clock says {}, asked up to {}: is this machine's clock right?",
                    time.format("%F %T UTC"),
                    until.format("%F %T UTC")
                );
                return Err(stopped(&request.url, &why, attempts.made()).into());
            }
            let next = taken.as_ref().err().map(|refusal| Next::of(refusal.why));
            let asked = retry_after(&answer.headers, self.client.now());
            let why = taken.as_ref().err().map(ToString::to_string).unwrap_or_default();
            match next {
                None | Some(Next::Nothing | Next::Stop) => {
                    // also a refusal: another unit would learn the same for another credit
                    let envelope = self.envelope(unit, &request.url, &answer, &received);
                    let held = slot.insert((envelope, received));
                    return self.definite(&request.url, held, taken, attempts.made());
                }
                Some(Next::Wait(window)) => {
                    tracing::debug!(%unit, why, "asked too much, waiting");
                    self.budget.refused(&reserved, window).await?;
                    // a day's end the budget knows itself; for longer than a minute other runs and
                    // other machines are to leave the host alone, too
                    let is_long = asked.is_some_and(|asked| Some(asked) > MINUTE.to_std().ok());
                    if let Some(asked) = asked.filter(|_| is_long && window != Window::Day) {
                        self.budget.paused(asked).await?;
                    }
                    drop(reserved);
                    windows += 1;
                    // the budget waits; here is only counted
                    let most = self.client.limits().attempts;
                    if windows >= most {
                        let why = format!("refused {windows} times, each a window later: {why}");
                        self.close(&why);
                        return Err(stopped(&request.url, &why, attempts.made()).into());
                    }
                    if attempts.made() >= most {
                        return Err(stopped(&request.url, &why, attempts.made()).into());
                    }
                }
                Some(Next::Again) => {
                    drop(reserved);
                    let failed = attempts.failed(&Trouble { asked, ..Trouble::new(why) }).await;
                    self.silent(remote, failed)?;
                }
            }
        }
    }

    /// What an answer means that stays the same however often it is asked for.
    fn definite(
        &self,
        url: &str,
        (envelope, received): &(Envelope, Received),
        taken: Result<Page, Refusal>,
        attempts: u32,
    ) -> Result<Told, AskError> {
        match taken {
            Ok(page) => Ok(Told::Page(envelope.clone(), received.clone(), page.notes)),
            Err(refusal) if Next::of(refusal.why) == Next::Nothing => {
                Ok(Told::Nothing(refusal.to_string()))
            }
            Err(refusal) if gates::is_of_series(refusal.why) => {
                Ok(Told::Excluded(refusal.concerns, refusal.to_string()))
            }
            Err(refusal) => Err(self.stop(url, &refusal, attempts).into()),
        }
    }

    /// What is kept beside an answer.
    fn envelope(&self, unit: &Unit, url: &str, answer: &Answer, received: &Received) -> Envelope {
        let header = |name: &&str| Some(((*name).to_owned(), self.header(answer, name)?));
        let headers = HEADERS.iter().filter_map(header).collect();
        let envelope = Envelope::of(unit.source.as_str(), url, self.client.now(), received);
        Envelope { headers, ..envelope }
    }

    /// A header of an answer.
    fn header(&self, answer: &Answer, name: &str) -> Option<String> {
        Some(self.hidden(answer.headers.get(name)?.to_str().ok()?))
    }

    /// A text of the provider's without the key.
    fn hidden(&self, text: &str) -> String {
        let text = self.key.hide(text);
        if self.key.is_in(text.as_bytes()) { "***".to_owned() } else { text }
    }

    fn closed(&self) -> Option<String> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A refusal that another try would not change.
    fn stop(&self, url: &str, refusal: &Refusal, attempts: u32) -> Unavailable {
        let why = refusal.to_string();
        if refusal.concerns == Concerns::Key {
            self.close(&why);
        }
        stopped(url, &why, attempts)
    }

    /// What is out of tries. A host that is asked for tails is then silent for all of them: archives wait
    /// for none.
    fn silent(&self, remote: &Remote, failed: Result<(), Unavailable>) -> Result<(), Unavailable> {
        failed.inspect_err(|error| {
            if remote.until.is_some() {
                self.close(&error.why);
            }
        })
    }

    fn close(&self, why: &str) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.get_or_insert_with(|| why.to_owned());
    }
}

fn stopped(url: &str, why: &str, attempts: u32) -> Unavailable {
    let (url, why) = (url.to_owned(), why.to_owned());
    Unavailable { url, attempts: attempts.max(1), why, status: None }
}

/// What is told of a unit in any case.
struct Outcome<'a> {
    unit: &'a Unit,
    url: String,
    at: DateTime<Utc>,
    effort: Effort,
    etag: Option<String>,
}

impl Outcome<'_> {
    fn ends(
        self,
        status: ArchiveStatus,
        detail: Option<String>,
        archive: Option<RawArchive>,
    ) -> BronzeFragment {
        BronzeFragment {
            unit: self.unit.clone(),
            url: self.url,
            status,
            detail,
            etag: self.etag,
            last_modified: None,
            published_sha256: None,
            checksum_modified: None,
            archive,
            fetched_at: self.at,
            transferred: self.effort.transferred,
            attempts: self.effort.attempts,
        }
    }
}
