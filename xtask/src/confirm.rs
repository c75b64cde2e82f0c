//! A question before something is lost, asked on the terminal.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

/// Asks a question whose answer is yes or no. Without a terminal the answer is an error that
/// says what to type.
pub(crate) fn confirm(question: &str, otherwise: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{question} there is no terminal to ask on; {otherwise}");
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
