//! Where a download goes: hashed and written piece by piece on a thread that may block, so that
//! memory stays the same whatever the size.

use std::io::Write as _;

use bytes::Bytes;
use model::unit::hex;
use sha2::{Digest, Sha256};
use store::{Lake, Staged, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Pieces that wait to be written.
const WAITING: usize = 8;

/// A download in the making. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub struct Sink {
    pieces: mpsc::Sender<Bytes>,
    writer: JoinHandle<Result<Written, StoreError>>,
    bytes: u64,
}

/// All bytes of a download, not yet published.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub staged: Staged,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

impl Sink {
    /// Starts a download into the lake's temporary folder.
    ///
    /// # Errors
    /// [`StoreError::File`] when the folder cannot be written.
    pub fn new(lake: &Lake) -> Result<Self, StoreError> {
        let staged = lake.stage()?;
        let (pieces, waiting) = mpsc::channel(WAITING);
        let writer = tokio::task::spawn_blocking(move || write(staged, waiting));
        Ok(Self { pieces, writer, bytes: 0 })
    }

    /// Bytes taken so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next piece. `false` when the writer has stopped: [`Sink::finish`] says why.
    pub async fn take(&mut self, piece: Bytes) -> bool {
        self.bytes += piece.len() as u64;
        self.pieces.send(piece).await.is_ok()
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// [`StoreError::File`] when something could not be.
    pub async fn finish(self) -> Result<Written, StoreError> {
        drop(self.pieces);
        match self.writer.await {
            Ok(written) => written,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn write(mut staged: Staged, mut waiting: mpsc::Receiver<Bytes>) -> Result<Written, StoreError> {
    let mut hash = Sha256::new();
    while let Some(piece) = waiting.blocking_recv() {
        hash.update(&piece);
        staged.write_all(&piece).map_err(|source| StoreError::File {
            action: "write",
            path: staged.path().to_owned(),
            source,
        })?;
    }
    Ok(Written { staged, sha256: hex(&hash.finalize()) })
}
