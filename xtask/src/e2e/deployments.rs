//! The deployments of the end-to-end test: their commands find a provider of AWS that runs already, one for the
//! emulated environment and, since it works at the same time, one for the third.

use std::path::PathBuf;

use super::did_well;
use crate::aws::provider::{self, Provider};
use crate::aws::terraform::Terraform;
use crate::aws::{self, EMULATED};
use crate::environment::Choice;
use crate::workspace::root;

/// The variables of a command by which its Terraform finds a provider.
pub(super) fn variables(provider: Option<&Provider>) -> Vec<(String, String)> {
    let listens = provider.map(|provider| (provider::VARIABLE, provider.listens()));
    let all = listens.into_iter().chain([provider::GARBAGE]);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The emulated environment's Terraform; starts the emulated account.
fn terraform() -> anyhow::Result<Terraform> {
    let choice = Choice { env: Some(EMULATED.into()), ..Choice::default() };
    // its state lies in no account's bucket
    Terraform::of(&aws::Site::open(&choice, None)?, "")
}

/// Begins a provider for roots that are deployed to the emulated account: the file that the emulated environment
/// was prepared with.
pub(super) fn provider(roots: &[&str]) -> anyhow::Result<Option<Provider>> {
    let roots: Vec<PathBuf> = roots.iter().map(|name| root().join("infra").join(name)).collect();
    terraform()?.provider(&roots)
}

/// The emulated environment's.
pub(super) struct Deployments(Option<Provider>);

impl Deployments {
    /// Begins, on the emulated account, which it starts.
    pub(super) fn begin() -> anyhow::Result<Self> {
        terraform()?.init()?;
        provider(&["envs/emulated"]).map(Self)
    }

    /// A command of ours that calls Terraform, what it says on standard error shown.
    pub(super) fn xtask(&self, args: &[&str]) -> anyhow::Result<(u8, String)> {
        super::xtask_with(&variables(self.0.as_ref()), args)
    }

    /// One that does well.
    pub(super) fn well(&self, args: &[&str]) -> anyhow::Result<String> {
        did_well(args, self.xtask(args)?)
    }
}
