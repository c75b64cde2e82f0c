//! Work that may block, off the threads that wait for many things at once.

/// Does work that may block on a thread that may. A panic in it goes on where it is awaited.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
