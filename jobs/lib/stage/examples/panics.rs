//! A job with a bug, for the test of how bugs are reported: its run panics in its own thread, in a
//! task, in a worker that nobody waits for, or cannot write its answer; or it never ends. No user
//! can reach it.

use std::process::ExitCode;

use clap::Parser;
use stage::Common;

#[derive(Debug, Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Where it panics: main, task, worker or stdout; `nowhere`: it works for ever.
    #[arg(long)]
    where_to: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    stage::main("panics", &args.common, |context| async move {
        context.meter.at("step 7");
        match args.where_to.as_str() {
            "main" => broken(),
            // no thread of the runtime is free, and none of them listens
            "nowhere" => tokio::task::spawn_blocking(forever).await?,
            "task" => {
                let work = async {
                    tokio::task::yield_now().await;
                    broken();
                };
                tokio::spawn(stage::working_on("group 3", work)).await?;
            }
            "worker" => {
                let worker = std::thread::spawn(|| {
                    let _at = stage::at_work("binance/spot/trades/BTCUSDT/2024-01-31");
                    broken();
                });
                // nobody asks how it ended
                let _ = worker.join();
            }
            _ =>
            {
                #[expect(clippy::print_stdout, reason = "that it panics is what the test is about")]
                for _ in 0..2_000 {
                    println!("many words, so that they must be written");
                }
            }
        }
        Ok(())
    })
}

fn forever() {
    loop {
        std::thread::park();
    }
}

#[expect(clippy::panic, reason = "the bug itself")]
fn broken() {
    panic!("the index is 5");
}
