//! A pool of reusable buffers of one block each. It bounds the payload in memory and avoids new
//! allocations.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unchoke_core::geometry::BLOCK_BYTES;

/// Size of a buffer: one block.
pub const BUFFER_BYTES: usize = BLOCK_BYTES as usize;

/// A pool with a fixed maximum number of buffers. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Pool {
    free: Arc<Mutex<Vec<Box<[u8]>>>>,
    permits: Arc<Semaphore>,
}

/// A buffer for up to one block. It returns to its pool when it is dropped.
#[derive(Debug)]
pub struct Buffer {
    bytes: Box<[u8]>,
    length: usize,
    free: Arc<Mutex<Vec<Box<[u8]>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// Makes a pool of at most `buffers` buffers. Each is allocated when it is first needed.
    #[must_use]
    pub fn new(buffers: usize) -> Self {
        Self {
            free: Arc::default(),
            permits: Arc::new(Semaphore::new(buffers)),
        }
    }

    /// Takes a buffer of `length` bytes, at most [`BUFFER_BYTES`]. Waits while all buffers are in
    /// use.
    pub async fn take(&self, length: usize) -> Buffer {
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        self.hand_out(length, permit)
    }

    /// Takes a buffer of `length` bytes if one is not in use.
    #[must_use]
    pub fn try_take(&self, length: usize) -> Option<Buffer> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(self.hand_out(length, permit))
    }

    fn hand_out(&self, length: usize, permit: OwnedSemaphorePermit) -> Buffer {
        assert!(length <= BUFFER_BYTES, "{length} bytes do not fit a buffer");
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = free.pop();
        drop(free);
        Buffer {
            bytes: bytes.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice()),
            length,
            free: Arc::clone(&self.free),
            _permit: permit,
        }
    }

    /// Number of buffers that are not in use.
    #[must_use]
    pub fn available(&self) -> usize {
        self.permits.available_permits()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_pool_is_bounded_and_buffers_come_back() {
        let pool = Pool::new(2);
        let first = pool.take(5).await;
        let _second = pool.take(BUFFER_BYTES).await;
        assert_eq!((first.len(), pool.available()), (5, 0));
        let third = tokio::time::timeout(Duration::from_millis(20), pool.take(1)).await;
        assert!(third.is_err(), "a third buffer came out of a pool of two");
        assert!(pool.try_take(1).is_none());
        drop(first);
        assert_eq!(pool.take(1).await.len(), 1);
    }
}
