//! One call divided among several threads.

use std::ops::Range;

use crate::threads::Pool;

/// The other threads that take part in a call, each with scratch memory of its own.
#[derive(Debug)]
pub struct Helpers<'a> {
    pool: &'a Pool,
    scratch: Vec<&'a mut [f32]>,
}

impl<'a> Helpers<'a> {
    /// The threads of `pool` but for the calling one, with scratch memory for each of them.
    ///
    /// # Panics
    /// If there is less or more scratch memory.
    pub fn new(pool: &'a Pool, scratch: Vec<&'a mut [f32]>) -> Self {
        assert_eq!(scratch.len() + 1, pool.threads(), "scratch memory for each helper");
        Self { pool, scratch }
    }

    /// The same for a shorter time.
    pub fn reborrow(&mut self) -> Helpers<'_> {
        let scratch = self.scratch.iter_mut().map(|scratch| &mut **scratch).collect();
        Helpers { pool: self.pool, scratch }
    }

    /// How many threads work, the calling one included.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Calls `f(scratch, item)` once for every item and returns when all are done. The calling thread
    /// takes part, with `own` as its scratch memory. A result must not depend on the thread.
    pub fn for_each<T: Send>(
        &mut self,
        own: &mut [f32],
        items: &mut [T],
        f: impl Fn(&mut [f32], &mut T) + Sync,
    ) {
        let mut scratch: Vec<&mut [f32]> = Vec::with_capacity(self.threads());
        scratch.push(own);
        scratch.extend(self.scratch.iter_mut().map(|scratch| &mut **scratch));
        self.pool.for_each(&mut scratch, items, |scratch, _, item| f(scratch, item));
    }
}

/// Divides `0..len` among `n` threads as evenly as cuts at multiples of `unit` allow; the parts may
/// be fewer than `n`.
pub fn even_parts(len: usize, unit: usize, n: usize) -> Vec<Range<usize>> {
    let units = len.div_ceil(unit.max(1));
    let cut = |part: usize| (part * units / n.max(1) * unit).min(len);
    (0..n.max(1)).map(|part| cut(part)..cut(part + 1)).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_everything_and_are_cut_at_units() {
        for (len, unit, n) in [(0, 4, 2), (1, 4, 2), (9, 4, 2), (64, 8, 3), (10, 1, 16), (7, 3, 0)]
        {
            let parts = even_parts(len, unit, n);
            let mut next = 0;
            for part in &parts {
                assert_eq!(part.start, next);
                assert!(part.start.is_multiple_of(unit) && part.start < part.end);
                next = part.end;
            }
            assert_eq!(next, len);
            assert!(parts.len() <= n.max(1));
        }
        assert_eq!(even_parts(9, 4, 2), [0..4, 4..9]);
    }

    #[test]
    fn each_item_is_done_once_with_memory_of_the_threads_own() {
        let pool = Pool::new(3);
        let (mut first, mut second) = ([0.0; 2], [0.0; 2]);
        let mut helpers = Helpers::new(&pool, vec![&mut first, &mut second]);
        assert_eq!(helpers.threads(), 3);
        let mut items = [0.0_f32; 50];
        helpers.for_each(&mut [0.0; 2], &mut items, |scratch, item| {
            scratch.fill(1.0);
            *item += scratch[0];
        });
        assert_eq!(items, [1.0; 50]);
    }
}
