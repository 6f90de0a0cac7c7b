//! A search that many wait for and one makes.
use super::store::StoreFailed;
use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

type Found = Result<(), StoreFailed>;

/// A search that many wait for and one makes. Whoever of them is polled moves it on, so that nobody depends on
/// another: who goes away leaves it to those who stay.
pub(super) struct Search {
    stage: Mutex<Stage>,
    waiting: Arc<Waiting>,
    /// When it began, in seconds since 1970.
    pub(super) began: u64,
}

enum Stage {
    Going(Pin<Box<dyn Future<Output = Found> + Send>>),
    Over(Found),
}

impl Search {
    pub(super) fn new(began: u64, search: impl Future<Output = Found> + Send + 'static) -> Arc<Self> {
        Arc::new(Self { stage: Mutex::new(Stage::Going(Box::pin(search))), waiting: Arc::default(), began })
    }

    /// Whether it goes on, and somebody waits for it.
    pub(super) fn is_going(&self) -> bool {
        matches!(*lock(&self.stage), Stage::Going(_)) && !lock(&self.waiting.wakers).is_empty()
    }

    /// Waits for it, from now on.
    pub(super) fn wait(self: &Arc<Self>) -> Wait {
        let number = self.waiting.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.waiting.wakers).insert(number, Waker::noop().clone());
        Wait { search: Arc::clone(self), number }
    }

    fn poll(&self) -> Poll<Found> {
        // Also where the store panics: it is over, then, for everybody. Dropped after the lock.
        let over = Over(&self.waiting);
        let mut stage = lock(&self.stage);
        let mut search = match std::mem::replace(&mut *stage, Stage::Over(Err(StoreFailed::Unavailable))) {
            Stage::Going(search) => search,
            Stage::Over(found) => {
                *stage = Stage::Over(found);
                std::mem::forget(over);
                return Poll::Ready(found);
            }
        };
        let waker = Waker::from(Arc::clone(&self.waiting));
        match search.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                *stage = Stage::Going(search);
                std::mem::forget(over);
                Poll::Pending
            }
            Poll::Ready(found) => {
                *stage = Stage::Over(found);
                Poll::Ready(found)
            }
        }
    }
}

/// Somebody who waits.
pub(super) struct Wait {
    search: Arc<Search>,
    number: u64,
}

impl Future for Wait {
    type Output = Found;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Found> {
        // First, so that no call comes too early.
        lock(&self.search.waiting.wakers).insert(self.number, context.waker().clone());
        self.search.poll()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        lock(&self.search.waiting.wakers).remove(&self.number);
    }
}

/// Everybody who waits.
#[derive(Default)]
struct Waiting {
    wakers: Mutex<HashMap<u64, Waker>>,
    next: AtomicU64,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}

impl Waiting {
    fn wake_all(&self) {
        // They may come back at once, and find the lock free.
        let wakers: Vec<Waker> = lock(&self.wakers).values().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Calls everybody when it is dropped.
struct Over<'a>(&'a Waiting);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.wake_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What stands there is complete at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Search({} wait)", lock(&self.waiting.wakers).len())
    }
}
