use crate::GraphError;

/// Size along one axis of what a sliding window gives: `floor((n - (k - 1) d - 1) / s) + 1` with
/// `n` the padded size, `k` the window's, `s` the stride and `d` the dilation. `None` if the window
/// does not fit in once, or the window, the stride or the dilation is 0.
pub fn conv_output_size(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    (before, after): (usize, usize),
) -> Option<usize> {
    if kernel == 0 || stride == 0 || dilation == 0 {
        return None;
    }
    let reach = (kernel - 1) * dilation + 1;
    (before + input + after).checked_sub(reach).map(|room| room / stride + 1)
}

/// Zeros before and after an axis for Keras's `padding="same"`, which gives `ceil(input / stride)`
/// outputs. An odd one out goes to the end.
///
/// # Panics
///
/// If `stride` or `kernel` is 0.
pub fn same_padding(input: usize, kernel: usize, stride: usize, dilation: usize) -> (usize, usize) {
    let output = input.div_ceil(stride);
    let covered = (output.saturating_sub(1)) * stride + (kernel - 1) * dilation + 1;
    let total = covered.saturating_sub(input);
    (total / 2, total - total / 2)
}

/// How a window slides over the spatial axes; one entry per axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sliding<'a> {
    pub(super) strides: &'a [usize],
    pub(super) dilations: &'a [usize],
    pub(super) padding: &'a [(usize, usize)],
}

impl Sliding<'_> {
    /// Output sizes for these input and window sizes.
    pub(super) fn output_sizes(
        &self,
        op: &'static str,
        input: &[usize],
        kernel: &[usize],
    ) -> Result<Vec<usize>, GraphError> {
        let attribute = |attribute, problem| GraphError::Attribute { op, attribute, problem };
        let rank = input.len();
        if !(1..=3).contains(&rank) {
            let problem = format!("expected 1, 2 or 3 spatial axes, got {rank}");
            return Err(attribute("strides", problem));
        }
        for (name, n) in [
            ("strides", self.strides.len()),
            ("dilations", self.dilations.len()),
            ("padding", self.padding.len()),
            ("window", kernel.len()),
        ] {
            if n != rank {
                let problem = format!("expected one entry for each of {rank} axes, got {n}");
                return Err(attribute(name, problem));
            }
        }
        for (name, sizes) in
            [("strides", self.strides), ("dilations", self.dilations), ("window", kernel)]
        {
            if sizes.contains(&0) {
                return Err(attribute(name, format!("expected at least 1, got {sizes:?}")));
            }
        }
        (0..rank)
            .map(|axis| {
                let (stride, dilation) = (self.strides[axis], self.dilations[axis]);
                let padding = self.padding[axis];
                conv_output_size(input[axis], kernel[axis], stride, dilation, padding).ok_or_else(
                    || {
                        let problem = format!(
                            "a window of {} cells at distance {dilation} does not fit into {} \
                             cells with padding {padding:?} on spatial axis {axis}",
                            kernel[axis], input[axis]
                        );
                        attribute("padding", problem)
                    },
                )
            })
            .collect()
    }

    /// Calls `f` with the flat positions of an output, a window cell and the input cell that the
    /// two meet, for all of them but the padding. Outputs and then window cells are in row-major
    /// order.
    pub(super) fn for_each_meeting(
        &self,
        input: &[usize],
        kernel: &[usize],
        output: &[usize],
        mut f: impl FnMut(usize, usize, usize),
    ) {
        let [i0, i1, i2] = three(input, 1);
        let [k0, k1, k2] = three(kernel, 1);
        let [o0, o1, o2] = three(output, 1);
        let strides = three(self.strides, 1);
        let dilations = three(self.dilations, 1);
        let padding = three(self.padding, (0, 0));
        let meet = |axis: usize, o: usize, k: usize, size: usize| {
            (o * strides[axis] + k * dilations[axis])
                .checked_sub(padding[axis].0)
                .filter(|&i| i < size)
        };
        for a in 0..o0 {
            for b in 0..o1 {
                for c in 0..o2 {
                    let output = (a * o1 + b) * o2 + c;
                    for p in 0..k0 {
                        let Some(i) = meet(0, a, p, i0) else { continue };
                        for q in 0..k1 {
                            let Some(j) = meet(1, b, q, i1) else { continue };
                            for r in 0..k2 {
                                let Some(k) = meet(2, c, r, i2) else { continue };
                                f(output, (p * k1 + q) * k2 + r, (i * i1 + j) * i2 + k);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Up to three entries with `neutral` in front.
fn three<T: Copy>(entries: &[T], neutral: T) -> [T; 3] {
    let mut all = [neutral; 3];
    all[3 - entries.len()..].copy_from_slice(entries);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_gives_the_size_over_the_stride_and_pads_the_end_more() {
        assert_eq!(same_padding(6, 3, 2, 1), (0, 1));
        assert_eq!(same_padding(5, 3, 2, 1), (1, 1));
        assert_eq!(same_padding(5, 3, 1, 2), (2, 2));
        assert_eq!(same_padding(5, 1, 3, 1), (0, 0));
        for (input, kernel, stride, dilation) in
            (1..9).flat_map(|n| [(n, 3, 2, 1), (n, 4, 1, 2), (n, 2, 3, 1), (n, 5, 2, 3)])
        {
            let padding = same_padding(input, kernel, stride, dilation);
            assert_eq!(
                conv_output_size(input, kernel, stride, dilation, padding),
                Some(input.div_ceil(stride))
            );
        }
    }

    #[test]
    fn a_window_that_does_not_fit_has_no_output() {
        assert_eq!(conv_output_size(4, 3, 1, 2, (0, 0)), None);
        assert_eq!(conv_output_size(5, 3, 1, 2, (0, 0)), Some(1));
        assert_eq!(conv_output_size(7, 3, 2, 1, (0, 0)), Some(3));
    }
}
