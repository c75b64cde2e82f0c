//! `prove`: what only an account can tell, asked of the one that an environment lies in, as a page
//! that can be committed. Nothing is changed: every call describes, simulates or queries.
//!
//! | module | what is proven |
//! |---|---|
//! | `states` | the definitions, and each of their JSONata expressions, as Step Functions reads them |
//! | `bindings` | what the expressions are evaluated with, and what must come of it |
//! | `roles` | what each role may do and may not, as IAM judges its policies |
//! | `calls` | what each role's program calls: the one list |
//! | `witness` | the calls that were really made, where an AWS on this machine saw them |
//! | `tables` | what Athena finds in the tables, and that it reads no more than it must |
//! | `page` | the page itself |

mod bindings;
mod calls;
mod page;
mod roles;
mod states;
mod tables;
mod witness;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use model::exit::Exit;
use model::human;

use crate::account::Cloud;
use crate::execution::now;
use crate::trouble::{is_denied, told};
use page::{About, Page, Verdict};

/// `prove`: exit code 4 where something is refuted, 1 where an error cut a section short. The page
/// shows all the same what else was found: it may be on its way into a file.
pub(crate) async fn prove(cloud: &Cloud, json: bool) -> anyhow::Result<u8> {
    let mut page = Page::new(cloud, now());
    let definitions = states::definitions(cloud, &mut page).await;
    let expressions = if let Ok(definitions) = &definitions {
        states::expressions(cloud, &mut page, definitions).await
    } else {
        let why = "their definitions could not be read";
        page.add(About::Expressions, "all expressions", Verdict::NotKnown, why);
        Ok(())
    };
    let roles = roles::prove(cloud, &mut page).await;
    let tables = tables::prove(cloud, &mut page).await;
    let is_whole = noted(
        &mut page,
        [
            (About::Definitions, definitions.map(drop)),
            (About::Expressions, expressions),
            (About::Roles, roles),
            (About::Tables, tables),
        ],
    );
    let page = page.masked(&cloud.names.account);
    if json {
        println!("{}", serde_json::to_string_pretty(&page)?);
    } else {
        print!("{}", page.markdown());
    }
    let refuted = page.count(Verdict::Refuted);
    if refuted > 0 {
        eprintln!("cloud: {} of environment {} refuted", refuted, cloud.names.environment);
    }
    Ok(match (is_whole, refuted) {
        (false, _) => Exit::Failed as u8,
        (true, 0) => 0,
        (true, _) => Exit::DataRefused as u8,
    })
}

/// Notes which sections ended with an error; whether none did.
fn noted(page: &mut Page, ends: [(About, anyhow::Result<()>); 4]) -> bool {
    let mut is_whole = true;
    for (about, end) in ends {
        if let Err(error) = end {
            let why = human::chain(error.as_ref());
            eprintln!("cloud: {why}");
            page.add(about, "all else of this section", Verdict::NotKnown, why);
            is_whole = false;
        }
    }
    is_whole
}

/// Why a call gave no answer that proves or refutes: whoever answers does not know it, or these
/// credentials may not ask. Any other refusal is an error.
fn unknown<E, R>(what: &str, error: SdkError<E, R>) -> anyhow::Result<String>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default().to_owned();
    let said = error.message().unwrap_or_default().to_owned();
    if is_denied(&code) {
        return Ok(format!("these credentials may not {what} ({code})"));
    }
    if is_no_call(&code, &said) {
        return Ok(format!("this AWS does not know the call to {what}"));
    }
    Err(told(what)(error))
}

/// Whether an answer says that there is no such call.
fn is_no_call(code: &str, said: &str) -> bool {
    let codes = ["UnknownOperation", "InvalidAction", "NotImplemented", "UnknownEndpoint"];
    codes.iter().any(|word| code.contains(word)) || said.contains("not been implemented")
}
