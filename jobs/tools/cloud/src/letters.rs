//! The queue of batches that failed for good. A letter in it holds all that is needed to do its
//! batch again.

use std::time::Duration;

use anyhow::Context as _;
use model::RunId;
use model::exit::Exit;
use serde::{Deserialize, Serialize};

use crate::account::Cloud;
use crate::execution::{brief, exit_code};
use crate::trouble::{is_absent, told};

/// For how long letters are hidden from others while a redrive starts, in seconds.
const HIDDEN: i32 = 900;
/// Empty answers after which the queue counts as read.
const EMPTY: u32 = 2;
/// For how long the queue is asked, in seconds: an answer at once would be of some of its servers.
const PATIENCE: i32 = 1;

/// A batch that failed for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// The environment.
    pub(crate) environment: String,
    /// The run.
    pub(crate) run: RunId,
    /// The batch, from 1.
    #[serde(deserialize_with = "number")]
    pub(crate) batch: u32,
    /// The stage that failed.
    pub(crate) stage: String,
    /// The execution it failed in.
    #[serde(default)]
    pub(crate) execution: String,
    /// The error, as Step Functions names it.
    #[serde(default)]
    pub(crate) error: String,
    /// Its cause.
    #[serde(default)]
    pub(crate) cause: String,
    /// When, UTC.
    #[serde(default)]
    pub(crate) failed_at: String,
    /// What takes the letter out of the queue.
    #[serde(skip)]
    receipt: String,
}

impl Letter {
    /// Why, in a line.
    pub(crate) fn why(&self) -> String {
        let cause = brief(&self.cause);
        if cause.is_empty() { self.error.clone() } else { cause }
    }

    /// Whether archives did not come for another reason than the source: a full disk, or a time limit,
    /// of which a task that was killed leaves no exit code.
    pub(crate) fn is_stopped_fetch(&self) -> bool {
        let refused = i64::from(Exit::SourceUnavailable as u8);
        self.stage == "bronze" && exit_code(&self.cause) != Some(refused)
    }
}

/// A batch's number, which may be written as text.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Number(u32),
        Text(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Number(n) => Ok(n),
        Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

async fn url(cloud: &Cloud) -> anyhow::Result<Option<String>> {
    let answer = cloud.sqs().get_queue_url().queue_name(cloud.names.dead_letters()).send().await;
    match answer {
        Ok(answer) => Ok(answer.queue_url().map(ToOwned::to_owned)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(told("find the queue of failed batches")(error)),
    }
}

async fn receive(cloud: &Cloud, hidden: i32) -> anyhow::Result<Vec<Letter>> {
    let Some(url) = url(cloud).await? else { return Ok(Vec::new()) };
    let mut letters: Vec<(String, Letter)> = Vec::new();
    let mut empty = 0;
    while empty < EMPTY {
        let answer = cloud
            .sqs()
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .visibility_timeout(hidden)
            .wait_time_seconds(PATIENCE)
            .send()
            .await
            .map_err(told("read the queue of failed batches"))?;
        let before = letters.len();
        for message in answer.messages() {
            let id = message.message_id().unwrap_or_default().to_owned();
            if letters.iter().any(|(known, _)| *known == id) {
                continue;
            }
            let body = message.body().unwrap_or_default();
            let mut letter: Letter = serde_json::from_str(body).with_context(|| {
                format!("a message in the queue of failed batches is none: {body}")
            })?;
            message.receipt_handle().unwrap_or_default().clone_into(&mut letter.receipt);
            letters.push((id, letter));
        }
        // what is not hidden comes again and again
        if letters.len() == before {
            empty += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(letters.into_iter().map(|(_, letter)| letter).collect())
}

/// All letters, hidden from others for a while.
pub(crate) async fn take(cloud: &Cloud) -> anyhow::Result<Vec<Letter>> {
    receive(cloud, HIDDEN).await
}

/// The letters of a run, which stay where they are.
pub(crate) async fn look(cloud: &Cloud, run: &RunId) -> anyhow::Result<Vec<Letter>> {
    let mut letters = receive(cloud, 0).await?;
    letters.retain(|letter| letter.run == *run);
    letters.sort_by(|a, b| (a.batch, &a.stage).cmp(&(b.batch, &b.stage)));
    Ok(letters)
}

/// Shows letters to others again.
pub(crate) async fn put_back(
    cloud: &Cloud,
    letters: impl Iterator<Item = Letter>,
) -> anyhow::Result<()> {
    let Some(url) = url(cloud).await? else { return Ok(()) };
    for letter in letters {
        cloud
            .sqs()
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(&letter.receipt)
            .visibility_timeout(0)
            .send()
            .await
            .map_err(told("put a batch back into the queue"))?;
    }
    Ok(())
}

/// Takes letters out of the queue: they are being done again.
pub(crate) async fn done(cloud: &Cloud, letters: &[Letter]) -> anyhow::Result<()> {
    let Some(url) = url(cloud).await? else { return Ok(()) };
    for letter in letters {
        cloud
            .sqs()
            .delete_message()
            .queue_url(&url)
            .receipt_handle(&letter.receipt)
            .send()
            .await
            .map_err(told("take a batch out of the queue"))?;
    }
    Ok(())
}

/// How many letters there are, about.
pub(crate) async fn count(cloud: &Cloud) -> anyhow::Result<u64> {
    let Some(url) = url(cloud).await? else { return Ok(0) };
    let name = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
    let answer = cloud
        .sqs()
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(name.clone())
        .send()
        .await
        .map_err(told("count the failed batches"))?;
    let count = answer.attributes().and_then(|all| all.get(&name)).and_then(|n| n.parse().ok());
    Ok(count.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_reads_with_its_batch_as_number_or_text() {
        for batch in ["3", "\"3\"", "\"000003\""] {
            let body = format!(
                r#"{{"environment": "dev", "run": "20240131T235959Z-0a1b2c3d", "batch": {batch},
                "stage": "bronze", "error": "States.TaskFailed", "cause": "", "failed_at": "x"}}"#
            );
            let letter: Letter = serde_json::from_str(&body).unwrap();
            assert_eq!((letter.batch, letter.why().as_str()), (3, "States.TaskFailed"));
        }
        assert!(serde_json::from_str::<Letter>("{}").is_err());
    }

    #[test]
    fn the_source_is_blamed_for_its_own_refusals_alone() {
        let check = |stage: &str, cause: &str, expect: bool| {
            let letter = Letter {
                environment: "dev".into(),
                run: "20240131T235959Z-0a1b2c3d".parse().unwrap(),
                batch: 1,
                stage: stage.into(),
                execution: String::new(),
                error: "States.TaskFailed".into(),
                cause: cause.into(),
                failed_at: String::new(),
                receipt: String::new(),
            };
            assert_eq!(letter.is_stopped_fetch(), expect, "{stage} {cause}");
        };
        check("bronze", "exit 3, Essential container in task exited, arn", false);
        // a full disk, or its own time limit
        check("bronze", "exit 1, Essential container in task exited, arn", true);
        // its state's time limit
        check("bronze", "", true);
        // what silver could not do did come
        check("silver", "exit 1, Essential container in task exited, arn", false);
    }
}
