//! The thread pool, and the treatment of denormal numbers.

use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How often a waiting thread looks again before it sleeps: some tens of microseconds, about the
/// time that waking a sleeping thread takes.
const SPINS: usize = 2_000;

/// Most stretches that a list is divided into.
const MAX_STRETCHES: usize = 64;

/// Threads that work through lists of items together.
///
/// Between calls they look for new work for some tens of microseconds and then sleep, using no
/// processor time. Dropping the pool ends them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
    /// Held during a parallel call: calls from several host threads come one after the other.
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A call began, or the pool ends.
    begun: Condvar,
    /// The last helper finished.
    finished: Condvar,
    /// Mirrors `State::call`, readable without the lock.
    call: AtomicUsize,
    /// Helpers that have not finished the call.
    busy: AtomicUsize,
    /// Helpers that sleep or are about to; waking nobody would still cost a system call.
    asleep: AtomicUsize,
    /// Whether the caller sleeps or is about to.
    caller_asleep: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Counts the calls.
    call: usize,
    job: Option<Job>,
    ends: bool,
    /// The first panic of the call.
    panic: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("call", &self.call).finish_non_exhaustive()
    }
}

/// What every thread runs, with its number. The pointer is valid while `busy > 0`, because
/// `Pool::run` waits for that before it returns.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync));

// SAFETY: the function is `Sync`, and `Pool::run` keeps it alive while any thread uses it.
unsafe impl Send for Job {}

thread_local! {
    /// Whether this thread runs an item of some pool.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No invariant is broken where the lock is held, so a poisoned one is fine.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a helper thread.
    fn help(&self, thread: usize) {
        let _flush = FlushDenormals::new();
        INSIDE.set(true);
        let mut seen = 0;
        loop {
            for _ in 0..SPINS {
                if self.call.load(Ordering::Acquire) != seen {
                    break;
                }
                std::hint::spin_loop();
            }
            let mut state = self.lock();
            while state.call == seen && !state.ends {
                // Counted under the lock, under which the caller begins a call and looks here.
                self.asleep.fetch_add(1, Ordering::Relaxed);
                state = self.begun.wait(state).unwrap_or_else(PoisonError::into_inner);
                self.asleep.fetch_sub(1, Ordering::Relaxed);
            }
            if state.ends {
                return;
            }
            seen = state.call;
            let job = state.job;
            drop(state);
            if let Some(Job(function)) = job {
                // SAFETY: this helper is counted in `busy`, so the function is alive.
                let function = unsafe { &*function };
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| function(thread))) {
                    self.lock().panic.get_or_insert(panic);
                }
            }
            // Sequentially consistent, as is the other side: either the caller sees that nobody is
            // busy, or it is seen here to sleep.
            if self.busy.fetch_sub(1, Ordering::SeqCst) == 1
                && self.caller_asleep.load(Ordering::SeqCst)
            {
                // The lock orders this behind the caller's last look.
                drop(self.lock());
                self.finished.notify_one();
            }
        }
    }
}

impl Pool {
    /// A pool of `n_threads` threads, the calling one included; 0 counts as 1. If the system
    /// refuses a thread, the pool has fewer.
    pub fn new(n_threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let handles = (1..n_threads)
            .map_while(|thread| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("cornu-{thread}"))
                    .spawn(move || shared.help(thread))
                    .ok()
            })
            .collect();
        Self { shared, handles, turn: Mutex::new(()) }
    }

    /// A pool of the calling thread alone.
    pub fn serial() -> Self {
        Self::new(1)
    }

    /// How many threads work, the calling one included.
    pub fn threads(&self) -> usize {
        self.handles.len() + 1
    }

    /// Calls `f(worker, index, item)` once for every item and returns when all are done.
    ///
    /// Each thread owns one of the `workers` (its scratch memory) during the call and takes items
    /// one by one: first those of its own stretch of the list, in rising order, so that equal lists
    /// find in its caches what it left there; then what is left of the others'. Which thread takes
    /// which item is left to chance in the end, so a result must not depend on the worker. The
    /// calling thread takes part. Denormal numbers count as zero meanwhile. A call from inside of `f`
    /// runs serially on that thread.
    ///
    /// # Panics
    ///
    /// If there are fewer workers than threads. A panic of `f` ends the call early, and is passed
    /// on when all threads have stopped; the pool stays usable.
    pub fn for_each<W: Send, T: Send>(
        &self,
        workers: &mut [W],
        items: &mut [T],
        f: impl Fn(&mut W, usize, &mut T) + Sync,
    ) {
        let threads = self.threads();
        assert!(workers.len() >= threads, "{} workers for {threads} threads", workers.len());
        let _flush = FlushDenormals::new();
        if threads == 1 || items.len() <= 1 || INSIDE.get() {
            for (index, item) in items.iter_mut().enumerate() {
                f(&mut workers[0], index, item);
            }
            return;
        }
        let n_items = items.len();
        let (workers, items) = (Each(workers.as_mut_ptr()), Each(items.as_mut_ptr()));
        let stretches = threads.min(MAX_STRETCHES);
        let bound = |stretch: usize| stretch * n_items / stretches;
        let next: [AtomicUsize; MAX_STRETCHES] =
            std::array::from_fn(|stretch| AtomicUsize::new(bound(stretch.min(stretches))));
        let failed = AtomicBool::new(false);
        self.run(&|thread| {
            let fuse = Fuse(&failed);
            // SAFETY: thread numbers are below `workers.len()`, and each runs once per call.
            let worker = unsafe { workers.get(thread) };
            for turn in 0..stretches {
                let stretch = (thread + turn) % stretches;
                while !failed.load(Ordering::Relaxed) {
                    let index = next[stretch].fetch_add(1, Ordering::Relaxed);
                    if index >= bound(stretch + 1) {
                        break;
                    }
                    // SAFETY: the index lies inside of the stretch, whose counter hands it out only
                    // once, and stretches do not overlap.
                    f(worker, index, unsafe { items.get(index) });
                }
            }
            std::mem::forget(fuse);
        });
    }

    /// Runs `function` once on every thread.
    fn run(&self, function: &(dyn Fn(usize) + Sync)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: only the lifetime changes; below we wait until no helper uses it.
        let job = Job(unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync)>(
                function,
            )
        });
        let shared = &*self.shared;
        shared.busy.store(self.handles.len(), Ordering::Release);
        let mut state = shared.lock();
        state.job = Some(job);
        state.call = state.call.wrapping_add(1);
        shared.call.store(state.call, Ordering::Release);
        let asleep = shared.asleep.load(Ordering::Relaxed);
        drop(state);
        if asleep > 0 {
            shared.begun.notify_all();
        }

        INSIDE.set(true);
        let own = catch_unwind(AssertUnwindSafe(|| function(0)));
        INSIDE.set(false);

        for _ in 0..SPINS {
            if shared.busy.load(Ordering::Acquire) == 0 {
                break;
            }
            std::hint::spin_loop();
        }
        let mut state = shared.lock();
        if shared.busy.load(Ordering::Acquire) > 0 {
            shared.caller_asleep.store(true, Ordering::SeqCst);
            while shared.busy.load(Ordering::SeqCst) > 0 {
                state = shared.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            shared.caller_asleep.store(false, Ordering::SeqCst);
        }
        state.job = None;
        let panic = state.panic.take();
        drop(state);
        if let Some(panic) = own.err().or(panic) {
            drop(_turn);
            resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ends = true;
        self.shared.call.store(state.call.wrapping_add(1), Ordering::Release);
        drop(state);
        self.shared.begun.notify_all();
        for handle in self.handles.drain(..) {
            // Panics of items were passed on already.
            let _ = handle.join();
        }
    }
}

/// Sets its flag when dropped, which happens only where the stack unwinds.
struct Fuse<'a>(&'a AtomicBool);

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A slice whose elements are handed out one by one.
struct Each<T>(*mut T);

// SAFETY: each element goes to one thread only, which `T: Send` allows.
unsafe impl<T: Send> Sync for Each<T> {}

impl<T> Each<T> {
    /// # Safety
    /// The index lies inside of the slice, which is borrowed for `'a`, and nobody else has it.
    #[allow(clippy::mut_from_ref, reason = "each element is handed out once")]
    unsafe fn get<'a>(&self, index: usize) -> &'a mut T {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.0.add(index) }
    }
}

/// While this lives, denormal numbers count as zero on this thread, as operands and as results
/// (x86: FTZ and DAZ; 64-bit ARM: FZ). They come up where activations die out, and can make
/// arithmetic a hundred times slower. On other processors nothing changes.
#[derive(Debug)]
pub struct FlushDenormals {
    /// The control register as it was.
    saved: control::Register,
    /// The setting belongs to the thread.
    not_send: PhantomData<*const ()>,
}

impl FlushDenormals {
    /// Begins flushing on this thread.
    #[allow(clippy::new_without_default, reason = "a guard with an effect is made by name")]
    pub fn new() -> Self {
        let saved = control::get();
        control::set(saved | control::FLUSH);
        Self { saved, not_send: PhantomData }
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        control::set(self.saved);
    }
}

/// MXCSR, which says how this thread's vector arithmetic treats denormal numbers.
#[cfg(target_arch = "x86_64")]
mod control {
    pub(super) type Register = u32;

    /// Flush to zero is bit 15, denormals are zero bit 6.
    pub(super) const FLUSH: Register = 0x8040;

    pub(super) fn get() -> Register {
        let mut value = 0;
        // SAFETY: stores four bytes into `value`; every x86-64 processor has the instruction.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags));
        }
        value
    }

    pub(super) fn set(value: Register) {
        // SAFETY: reads four bytes of `value`. Only the handling of denormals differs from the
        // value that was read before, which the compiler never relies on for memory safety.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, readonly));
        }
    }
}

/// FPCR, which says how this thread's arithmetic treats denormal numbers.
#[cfg(target_arch = "aarch64")]
mod control {
    pub(super) type Register = u64;

    /// Flush to zero, operands and results.
    pub(super) const FLUSH: Register = 1 << 24;

    pub(super) fn get() -> Register {
        let value;
        // SAFETY: reads a register that every 64-bit ARM processor has.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }

    pub(super) fn set(value: Register) {
        // SAFETY: only the handling of denormals differs from the value that was read before, which
        // the compiler never relies on for memory safety.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) value, options(nostack)) };
    }
}

/// Nothing to set.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod control {
    pub(super) type Register = u32;

    pub(super) const FLUSH: Register = 0;

    pub(super) fn get() -> Register {
        0
    }

    pub(super) fn set(_value: Register) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_item_is_visited_once_by_any_number_of_threads() {
        for n_threads in [0, 1, 2, 3, 5] {
            let pool = Pool::new(n_threads);
            assert_eq!(pool.threads(), n_threads.max(1));
            for n in [0, 1, 2, 7, 100] {
                let mut workers = vec![0_usize; pool.threads() + 1];
                let mut items = vec![0_usize; n];
                pool.for_each(&mut workers, &mut items, |worker, index, item| {
                    *worker += 1;
                    *item += index + 1;
                });
                assert!(items.iter().enumerate().all(|(i, &item)| item == i + 1));
                assert_eq!(workers.iter().sum::<usize>(), n);
            }
        }
    }

    #[test]
    fn works_again_after_sleeping() {
        let pool = Pool::new(3);
        for _ in 0..3 {
            let mut items = [1; 10];
            pool.for_each(&mut [(); 3], &mut items, |(), _, item| *item += 1);
            assert_eq!(items, [2; 10]);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_the_pool_stays_usable() {
        let pool = Pool::new(3);
        for bad in [0, 5, 19] {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                pool.for_each(&mut [(); 3], &mut [0; 20], |(), index, _| {
                    assert!(index != bad, "item {index}");
                });
            }));
            let message = caught.unwrap_err();
            assert_eq!(message.downcast_ref::<String>(), Some(&format!("item {bad}")));
            let mut items = [0; 20];
            pool.for_each(&mut [(); 3], &mut items, |(), index, item| *item = index);
            assert_eq!(items[19], 19);
        }
    }

    #[test]
    fn nested_calls_run_serially() {
        let pool = Pool::new(2);
        let mut sums = [0; 8];
        pool.for_each(&mut [(); 2], &mut sums, |(), index, sum| {
            let mut inner = [index; 4];
            pool.for_each(&mut [(); 2], &mut inner, |(), i, x| *x += i);
            *sum = inner.iter().sum();
        });
        assert_eq!(sums, std::array::from_fn(|i| 4 * i + 6));
    }

    #[test]
    fn several_host_threads_take_turns() {
        let pool = Pool::new(2);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let mut items = [0; 9];
                        pool.for_each(&mut [(); 2], &mut items, |(), index, x| *x = index);
                        assert_eq!(items, std::array::from_fn(|i| i));
                    }
                });
            }
        });
    }

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn denormals_are_flushed_inside_and_kept_outside() {
        let halve = |x: f32| std::hint::black_box(x) * std::hint::black_box(0.5);
        let tiny = f32::MIN_POSITIVE;
        assert!(halve(tiny) > 0.0);
        for n_threads in [1, 3] {
            let pool = Pool::new(n_threads);
            let mut halves = [1.0; 30];
            pool.for_each(&mut [(); 3], &mut halves, |(), _, half| *half = halve(tiny));
            assert_eq!(halves, [0.0; 30]);
            assert!(halve(tiny) > 0.0);
            let panic = catch_unwind(AssertUnwindSafe(|| {
                pool.for_each(&mut [(); 3], &mut halves, |(), _, _| panic!("stop"));
            }));
            assert!(panic.is_err() && halve(tiny) > 0.0);
        }
    }
}
