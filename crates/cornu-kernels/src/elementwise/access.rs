//! How inputs are spread over the output.

/// The most axes of [`Access::Strided`].
pub(super) const MAX_RANK: usize = 8;

/// Which element of an input belongs to the output element with linear index `i`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Access {
    /// Element `i`: same shape. The slice given to a run covers just the elements of that run; the
    /// slices of all other kinds are whole.
    Full,
    /// Element 0.
    Scalar,
    /// Element `i % len`: the input is repeated as a whole (a bias of the last axis).
    Cycle {
        /// Elements of the input.
        len: usize,
    },
    /// Element `i / times`: each element is repeated (one number per row).
    Repeat {
        /// Output elements per input element.
        times: usize,
    },
    /// Element `i / times % len`: both (one number per channel plane).
    RepeatCycle {
        /// Output elements per input element.
        times: usize,
        /// Elements of the input.
        len: usize,
    },
    /// Any broadcast: the output's axes, outermost first, and for each the input's step, which is
    /// 0 where the input is repeated. At most 8 axes.
    Strided {
        /// The output's shape.
        dims: Vec<usize>,
        /// Input elements from one output index to the next, per axis.
        strides: Vec<usize>,
    },
}

impl Access {
    /// Whether sizes are positive and ranks agree.
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Self::Full | Self::Scalar => true,
            Self::Cycle { len } => *len > 0,
            Self::Repeat { times } => *times > 0,
            Self::RepeatCycle { times, len } => *times > 0 && *len > 0,
            Self::Strided { dims, strides } => {
                dims.len() == strides.len() && dims.len() <= MAX_RANK && !dims.contains(&0)
            }
        }
    }

    /// After how many output elements the input begins again, if it ever does.
    pub(super) fn period(&self) -> Option<usize> {
        match self {
            Self::Scalar => Some(1),
            Self::Cycle { len } => Some(*len),
            Self::RepeatCycle { times, len } => Some(times * len),
            _ => None,
        }
    }

    /// How many elements the input must have for output elements `start..start + n`.
    pub(super) fn needed(&self, start: usize, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        match self {
            Self::Full => n,
            Self::Scalar => 1,
            Self::Cycle { len } | Self::RepeatCycle { len, .. } => *len,
            Self::Repeat { times } => (start + n - 1) / times + 1,
            Self::Strided { dims, strides } => {
                dims.iter().zip(strides).map(|(dim, stride)| (dim - 1) * stride).sum::<usize>() + 1
            }
        }
    }

    /// `y[j] = x[index of output element start + j]`.
    pub(super) fn fill(&self, y: &mut [f32], x: &[f32], start: usize) {
        match self {
            Self::Full => y.copy_from_slice(&x[start..start + y.len()]),
            Self::Scalar => y.fill(x[0]),
            Self::Cycle { len } => {
                let mut done = 0;
                while done < y.len() {
                    let at = (start + done) % len;
                    let n = (len - at).min(y.len() - done);
                    y[done..done + n].copy_from_slice(&x[at..at + n]);
                    done += n;
                }
            }
            Self::Repeat { times } => repeat(y, x, start, *times, usize::MAX),
            Self::RepeatCycle { times, len } => repeat(y, x, start, *times, *len),
            Self::Strided { dims, strides } => strided(y, x, start, dims, strides),
        }
    }
}

fn repeat(y: &mut [f32], x: &[f32], start: usize, times: usize, len: usize) {
    let mut done = 0;
    let (mut index, mut within) = (start / times % len, start % times);
    while done < y.len() {
        let n = (times - within).min(y.len() - done);
        y[done..done + n].fill(x[index]);
        done += n;
        within = 0;
        index += 1;
        if index == len {
            index = 0;
        }
    }
}

fn strided(y: &mut [f32], x: &[f32], start: usize, dims: &[usize], strides: &[usize]) {
    let Some(last) = dims.len().checked_sub(1) else {
        y.fill(x[0]);
        return;
    };
    // The position of the first element, axis by axis.
    let mut at = [0; MAX_RANK];
    let (mut rest, mut offset) = (start, 0);
    for axis in (0..dims.len()).rev() {
        at[axis] = rest % dims[axis];
        rest /= dims[axis];
        offset += at[axis] * strides[axis];
    }
    let mut done = 0;
    while done < y.len() {
        let n = (dims[last] - at[last]).min(y.len() - done);
        let row = &mut y[done..done + n];
        match strides[last] {
            0 => row.fill(x[offset]),
            1 => row.copy_from_slice(&x[offset..offset + n]),
            stride => {
                for (i, y) in row.iter_mut().enumerate() {
                    *y = x[offset + i * stride];
                }
            }
        }
        done += n;
        // The next row: back to the start of this axis, one further on those before it.
        offset -= at[last] * strides[last];
        at[last] = 0;
        for axis in (0..last).rev() {
            at[axis] += 1;
            offset += strides[axis];
            if at[axis] < dims[axis] {
                break;
            }
            offset -= dims[axis] * strides[axis];
            at[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_access_follows_its_formula_from_any_start() {
        let x: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        let strided = |i: usize| i / 35 % 4 * 7 + i % 7;
        let steps = |i: usize| i / 12 % 5 + i / 3 % 4 * 20 + i % 3 * 5;
        let table: Vec<(Access, Box<dyn Fn(usize) -> usize>)> = vec![
            (Access::Full, Box::new(|i| i)),
            (Access::Scalar, Box::new(|_| 0)),
            (Access::Cycle { len: 5 }, Box::new(|i| i % 5)),
            (Access::Repeat { times: 7 }, Box::new(|i| i / 7)),
            (Access::RepeatCycle { times: 4, len: 3 }, Box::new(|i| i / 4 % 3)),
            (Access::Strided { dims: vec![4, 5, 7], strides: vec![7, 0, 1] }, Box::new(strided)),
            (Access::Strided { dims: vec![5, 4, 3], strides: vec![1, 20, 5] }, Box::new(steps)),
            (Access::Strided { dims: vec![], strides: vec![] }, Box::new(|_| 0)),
        ];
        for (access, index) in table {
            assert!(access.is_valid());
            for start in [0, 1, 6, 30, 59] {
                for n in [0, 1, 10, 60 - start] {
                    let mut y = vec![-1.0; n];
                    access.fill(&mut y, &x, start);
                    for j in 0..n {
                        assert_eq!(y[j], index(start + j) as f32, "{access:?} {start} {j}");
                        if access != Access::Full {
                            assert!(index(start + j) < access.needed(start, n));
                        }
                    }
                }
            }
        }
    }
}
