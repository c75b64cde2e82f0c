//! A run within this process: all stages in their order, each with a context of its own as if it was a
//! program.

use anyhow::{Result, anyhow};
use stage::{Context, Failure};

/// Runs all stages. After each one `done` is told.
pub(crate) async fn run(
    context: impl Fn() -> Result<Context>,
    mut done: impl AsyncFnMut(&'static str) -> Result<()>,
) -> Result<()> {
    let failed = |stage: &'static str| {
        move |failure: Failure| anyhow!("{stage}: {:?}: {:#}", failure.exit, failure.error)
    };
    let report = plan::run(&context()?, &plan::Options::default()).await.map_err(failed("plan"))?;
    done("plan").await?;
    for batch in &report.plan.batches {
        let options = bronze::Options { batch: batch.number, proxy: None, time: None };
        bronze::run(&context()?, &options).await.map_err(failed("bronze"))?;
        done("bronze").await?;
        silver::run(&context()?, batch.number, None).await.map_err(failed("silver"))?;
        done("silver").await?;
    }
    commit::run(&context()?).await.map_err(failed("commit"))?;
    done("commit").await?;
    gold::run(&context()?, &gold::Options::default()).await.map_err(failed("gold"))?;
    done("gold").await?;
    commit::run_gold(&context()?).await.map_err(failed("commit --gold"))?;
    done("commit --gold").await?;
    let options = check::Options { all: false, strict: false };
    check::run(&context()?, options).await.map_err(failed("check"))?;
    done("check").await
}
