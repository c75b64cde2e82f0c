//! One commit of some actions on exactly one version of a table. What they are and what is done about a
//! lost race is its callers' affair.

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::Action;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::protocol::DeltaOperation;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::snapshot::Snapshot;

/// One commit on exactly the version of a snapshot; tells its own.
pub(crate) async fn submit(
    snapshot: &Snapshot,
    properties: CommitProperties,
    actions: Vec<Action>,
    operation: DeltaOperation,
) -> Result<u64, DeltaTableError> {
    let prepared = CommitBuilder::from(properties.with_max_retries(0))
        .with_actions(actions)
        .build(Some(snapshot.state.as_ref()), snapshot.log.clone(), operation)
        .into_prepared_commit_future()
        .await?;
    // a lost race is daily business here, and the library logs it as trouble; what comes next in
    // it are its hooks, and a failing hook would look like a failed commit
    Ok(prepared.into_future().with_subscriber(NoSubscriber::default()).await?.version)
}
