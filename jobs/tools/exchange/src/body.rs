//! The bodies of answers: whole or a range, at full speed or slow, cut, garbled.

use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::faults::Fault;
use crate::log::Progress;
use crate::state::Content;

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// How a body comes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manner {
    pub(crate) delay: Duration,
    bytes_per_second: Option<u64>,
    cut: Option<u64>,
    garble: Option<(u64, u64)>,
    pub(crate) endless: bool,
    /// Whether it may end before the length that was told.
    lies: bool,
}

impl Manner {
    pub(crate) fn of(faults: &[Fault]) -> Self {
        let mut manner = Self::default();
        for fault in faults {
            match fault {
                Fault::Slow { delay_ms, bytes_per_second } => {
                    manner.delay += Duration::from_millis(*delay_ms);
                    manner.bytes_per_second = bytes_per_second.or(manner.bytes_per_second);
                }
                Fault::Cut { at } => manner.cut = Some(manner.cut.unwrap_or(u64::MAX).min(*at)),
                Fault::Garble { at, bytes } => manner.garble = Some((*at, *bytes)),
                Fault::EndlessBody => manner.endless = true,
                Fault::LyingLength { .. } => manner.lies = true,
                _ => {}
            }
        }
        manner
    }
}

/// A body of known bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

enum Reader {
    File(File),
    Memory(Bytes),
}

struct Stream {
    reader: Reader,
    left: u64,
    sent: u64,
    manner: Manner,
    progress: Arc<Progress>,
}

/// `length` bytes of `content` from `start` on.
pub(crate) async fn of(
    content: &Content,
    start: u64,
    length: u64,
    manner: Manner,
    progress: Arc<Progress>,
) -> io::Result<Body> {
    let reader = match content {
        Content::File(body) => {
            let mut file = File::open(body.path()).await?;
            file.seek(SeekFrom::Start(start)).await?;
            Reader::File(file)
        }
        Content::Text(bytes) => {
            let (start, end) = (start as usize, (start + length) as usize);
            Reader::Memory(bytes.slice(start..end))
        }
        Content::None => Reader::Memory(Bytes::new()),
    };
    let state = Stream { reader, left: length, sent: 0, manner, progress };
    let frames = stream::try_unfold(state, |mut state| async move {
        let piece = state.next().await?;
        Ok::<_, io::Error>(piece.map(|piece| (Frame::data(piece), state)))
    });
    Ok(StreamBody::new(frames).boxed_unsync())
}

/// Waits until what was sent has left the buffers: with the connection they would be lost.
async fn flushed() {
    tokio::time::sleep(Duration::from_millis(25)).await;
}

impl Stream {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 && self.manner.endless {
            return Ok(Some(Bytes::from_static(&[0; 1 << 10])));
        }
        if self.left == 0 {
            if self.manner.lies {
                flushed().await;
            }
            self.progress.complete.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        let mut size = self.left.min(PIECE as u64);
        if let Some(speed) = self.manner.bytes_per_second {
            // ten pieces a second
            size = size.min((speed / 10).max(1));
            if self.sent > 0 {
                tokio::time::sleep(Duration::from_micros(size * 1_000_000 / speed)).await;
            }
        }
        if let Some(cut) = self.manner.cut {
            size = size.min(cut.saturating_sub(self.sent));
            if size == 0 {
                flushed().await;
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut on demand"));
            }
        }
        let mut piece = match &mut self.reader {
            Reader::Memory(bytes) => bytes.split_to(size as usize).to_vec(),
            Reader::File(file) => {
                let mut piece = vec![0; size as usize];
                file.read_exact(&mut piece).await?;
                piece
            }
        };
        if let Some((at, bytes)) = self.manner.garble {
            for (n, byte) in (self.sent..).zip(&mut piece) {
                if n >= at && n - at < bytes {
                    *byte = !*byte;
                }
            }
        }
        self.left -= size;
        self.sent += size;
        self.progress.bytes.store(self.sent, Ordering::Relaxed);
        if self.left == 0 {
            self.progress.complete.store(true, Ordering::Relaxed);
        }
        Ok(Some(piece.into()))
    }
}
