//! A server on threads of its own, and the loop that takes its connections. What is answered is
//! in `server` (archives) and `rest`.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::body::Body;
use crate::state::StartError;

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Listens and serves on threads of its own, so it works in any test, async or not.
    pub(crate) fn start<F>(
        listen: SocketAddr,
        serve: impl FnOnce(TcpListener) -> F + Send + 'static,
    ) -> Result<Self, StartError>
    where
        F: Future<Output = ()> + Send,
    {
        let io_error = |what: &str| {
            let what = what.to_owned();
            move |source| StartError::Io { what, source }
        };
        let what = format!("listen on {listen}");
        let socket = std::net::TcpListener::bind(listen).map_err(io_error(&what))?;
        socket.set_nonblocking(true).map_err(io_error(&what))?;
        let address = socket.local_addr().map_err(io_error(&what))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("exchange")
            .enable_all()
            .build()
            .map_err(io_error("start threads"))?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(socket).map_err(io_error(&what))?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("exchange".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = serve(listener) => {}
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(std::time::Duration::from_secs(5));
            })
            .map_err(io_error("start threads"))?;
        Ok(Self { url: format!("http://{address}"), stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers whoever connects, with the address he comes from, until the task is dropped.
pub(crate) async fn accept<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send,
{
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // out of descriptors, most likely: others may end meanwhile
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answered = answer(peer, request);
                async move { Ok::<_, io::Error>(answered.await) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "connection ended early");
            }
        });
    }
}
