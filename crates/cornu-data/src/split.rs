use crate::{DataError, SplitMix64};
use std::collections::BTreeMap;
use std::fmt;

/// What a sample is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// Weights are fitted to it.
    Train,
    /// Watched while training, to choose the best weights.
    Val,
    /// Looked at once, after training.
    Test,
}

impl Split {
    /// All, in the order of [`Fractions`].
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// `train`, `val` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }

    /// The split called `name`: as [`Split::name`] says, or `validation`; letter case is ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" => Some(Self::Train),
            "val" | "validation" => Some(Self::Val),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Parts of the samples that go into each split. They are divided by their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// Default: 0.72.
    pub train: f64,
    /// Default: 0.13. With 0 there is no such split.
    pub val: f64,
    /// Default: 0.15. With 0 there is no such split.
    pub test: f64,
}

impl Default for Fractions {
    /// 0.72, 0.13, 0.15: 15 % off for testing, then 15 % of the rest off for validation.
    fn default() -> Self {
        Self { train: 0.72, val: 0.13, test: 0.15 }
    }
}

/// Indices of the samples of each split, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SplitIndices {
    /// Samples to fit.
    pub train: Vec<usize>,
    /// Samples to watch.
    pub val: Vec<usize>,
    /// Samples to judge by.
    pub test: Vec<usize>,
}

impl SplitIndices {
    /// Indices of one split.
    pub fn get(&self, split: Split) -> &[usize] {
        match split {
            Split::Train => &self.train,
            Split::Val => &self.val,
            Split::Test => &self.test,
        }
    }

    pub(crate) fn push(&mut self, split: Split, index: usize) {
        match split {
            Split::Train => self.train.push(index),
            Split::Val => self.val.push(index),
            Split::Test => self.test.push(index),
        }
    }
}

/// Divides samples at random so that every class has the same part of each split (stratified),
/// and all samples of a group are on one side.
///
/// `labels[i]` is an index into `class_names`. `groups[i]` names sample i's group, a patient for
/// example; an empty name is a group of its own.
///
/// # Algorithm
///
/// 1. Each class of n samples gets a target count per split: `n * fraction`, rounded down, what
///    is missing to n given to the largest remainders (ties: train, val, test). A split that would
///    get none takes one from the class's largest split.
/// 2. Groups are shuffled ([`SplitMix64`] of `seed`), then put in order of size, largest first.
/// 3. Each group goes where its samples are missed most: to the split with the largest sum over
///    its samples of `target - given so far` of their class (ties: train, val, test).
///
/// Without groups each class meets its target counts exactly. The answer depends on nothing but
/// the arguments.
///
/// # Errors
///
/// If lengths differ, a label names no class, fractions are not usable, a class has fewer samples
/// than there are splits, or groups are so large that a split is left without a class.
pub fn split_samples(
    labels: &[usize],
    class_names: &[String],
    groups: Option<&[String]>,
    fractions: Fractions,
    seed: u64,
) -> Result<SplitIndices, DataError> {
    check_labels(labels, class_names, groups)?;
    let parts = normalized(fractions)?;

    let mut class_sizes = vec![0; class_names.len()];
    for &label in labels {
        class_sizes[label] += 1;
    }
    let targets = class_sizes
        .iter()
        .zip(class_names)
        .map(|(&n, name)| target_counts(n, parts, name))
        .collect::<Result<Vec<_>, _>>()?;

    let mut missing = targets;
    let mut chosen = vec![Split::Train; labels.len()];
    for members in shuffled_groups(labels.len(), groups, seed) {
        let split = neediest_split(&members, labels, &missing);
        for &index in &members {
            missing[labels[index]][split] -= 1;
            chosen[index] = Split::ALL[split];
        }
    }

    let mut indices = SplitIndices::default();
    for (index, &split) in chosen.iter().enumerate() {
        indices.push(split, index);
    }
    check_every_class_is_there(&indices, labels, class_names, parts)?;
    Ok(indices)
}

fn check_labels(
    labels: &[usize],
    class_names: &[String],
    groups: Option<&[String]>,
) -> Result<(), DataError> {
    if let Some(groups) = groups
        && groups.len() != labels.len()
    {
        return Err(DataError::Split(format!(
            "expected one group for each of {} samples, got {}",
            labels.len(),
            groups.len()
        )));
    }
    match labels.iter().find(|&&label| class_names.len() <= label) {
        None => Ok(()),
        Some(label) => Err(DataError::Split(format!(
            "label {label} names none of the {} classes",
            class_names.len()
        ))),
    }
}

fn normalized(fractions: Fractions) -> Result<[f64; 3], DataError> {
    let parts = [fractions.train, fractions.val, fractions.test];
    let sum: f64 = parts.iter().sum();
    if parts.iter().any(|part| !(0.0..=1e9).contains(part)) || parts[0] == 0.0 {
        return Err(DataError::Split(format!(
            "fractions train {}, val {}, test {}: none may be negative, and train must be above 0",
            parts[0], parts[1], parts[2]
        )));
    }
    Ok(parts.map(|part| part / sum))
}

/// Step 1: how many of a class's `n` samples each split should get.
fn target_counts(n: usize, parts: [f64; 3], class: &str) -> Result<[i64; 3], DataError> {
    let n_splits = parts.iter().filter(|&&part| 0.0 < part).count();
    if n < n_splits {
        return Err(DataError::Split(format!(
            "class `{class}` has {n} {}, but each of the {n_splits} splits needs at least one; \
             add samples, or give the splits yourself in a manifest.csv",
            if n == 1 { "sample" } else { "samples" }
        )));
    }
    let exact = parts.map(|part| part * n as f64);
    let mut counts = exact.map(|x| x.floor() as i64);
    let mut by_remainder = [0, 1, 2];
    // A stable sort: equal remainders stay in the order train, val, test.
    by_remainder.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let given: i64 = counts.iter().sum();
    for i in 0..(n as i64 - given).max(0) as usize {
        counts[by_remainder[i % 3]] += 1;
    }
    for split in 0..3 {
        if counts[split] == 0 && 0.0 < parts[split] {
            let largest = (0..3).fold(0, |best, i| if counts[best] < counts[i] { i } else { best });
            counts[largest] -= 1;
            counts[split] += 1;
        }
    }
    Ok(counts)
}

/// Step 2: the members of each group, in the order in which groups are placed.
fn shuffled_groups(n: usize, groups: Option<&[String]>, seed: u64) -> Vec<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for index in 0..n {
        let name = groups.map_or("", |groups| groups[index].as_str());
        if name.is_empty() {
            members.push(vec![index]);
        } else if let Some(&group) = by_name.get(name) {
            members[group].push(index);
        } else {
            by_name.insert(name, members.len());
            members.push(vec![index]);
        }
    }
    SplitMix64::new(seed).shuffle(&mut members);
    members.sort_by_key(|group| std::cmp::Reverse(group.len()));
    members
}

/// Step 3.
fn neediest_split(members: &[usize], labels: &[usize], missing: &[[i64; 3]]) -> usize {
    let need =
        |split: usize| -> i64 { members.iter().map(|&index| missing[labels[index]][split]).sum() };
    (1..3).fold(0, |best, split| if need(best) < need(split) { split } else { best })
}

fn check_every_class_is_there(
    indices: &SplitIndices,
    labels: &[usize],
    class_names: &[String],
    parts: [f64; 3],
) -> Result<(), DataError> {
    for (split, part) in Split::ALL.into_iter().zip(parts) {
        for (class, name) in class_names.iter().enumerate() {
            if 0.0 < part && !indices.get(split).iter().any(|&index| labels[index] == class) {
                return Err(DataError::Split(format!(
                    "the groups are too large: no sample of class `{name}` is left for {split}; \
                     use smaller groups, another seed, or give the splits yourself in a manifest.csv"
                )));
            }
        }
    }
    Ok(())
}

/// What a split by the data set's author must keep to: something of each class to train on, and no
/// group on two sides. Validation and test may be empty.
pub(crate) fn check_given_splits(
    indices: &SplitIndices,
    labels: &[usize],
    class_names: &[String],
    groups: Option<&[String]>,
) -> Result<(), DataError> {
    for (class, name) in class_names.iter().enumerate() {
        if !indices.train.iter().any(|&index| labels[index] == class) {
            return Err(DataError::Split(format!(
                "the data set's own split has no sample of class `{name}` for train; \
                 move some there, or remove the split"
            )));
        }
    }
    let mut home: BTreeMap<&str, Split> = BTreeMap::new();
    for split in Split::ALL {
        for &index in indices.get(split) {
            let name = groups.map_or("", |groups| groups[index].as_str());
            if !name.is_empty() && *home.entry(name).or_insert(split) != split {
                return Err(DataError::Split(format!(
                    "the data set's own split has group `{name}` in {} and in {split}; \
                     remove the split, or do not group",
                    home[name]
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("c{i}")).collect()
    }

    fn counts(indices: &SplitIndices, labels: &[usize], class: usize) -> [usize; 3] {
        Split::ALL.map(|s| indices.get(s).iter().filter(|&&i| labels[i] == class).count())
    }

    #[test]
    fn each_class_meets_its_largest_remainder_counts() {
        // 350 * (0.72, 0.13, 0.15) = 252, 45.5, 52.5: the tie of remainders goes to val.
        let labels: Vec<usize> = (0..450).map(|i| usize::from(350 <= i)).collect();
        let split = split_samples(&labels, &names(2), None, Fractions::default(), 1).unwrap();
        assert_eq!(counts(&split, &labels, 0), [252, 46, 52]);
        assert_eq!(counts(&split, &labels, 1), [72, 13, 15]);
        let mut all = [split.train, split.val, split.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..450).collect::<Vec<_>>());
    }

    #[test]
    fn small_classes_are_in_every_split() {
        for n in 3..30 {
            let labels = vec![0; n];
            let split = split_samples(&labels, &names(1), None, Fractions::default(), 5).unwrap();
            let counts = counts(&split, &labels, 0);
            assert!(
                counts.iter().all(|&c| 0 < c) && counts.iter().sum::<usize>() == n,
                "{counts:?}"
            );
        }
        let error = split_samples(&[0, 0], &names(1), None, Fractions::default(), 5).unwrap_err();
        assert!(error.to_string().contains("class `c0` has 2 samples"), "{error}");
    }

    #[test]
    fn a_seed_gives_one_split_and_seeds_differ() {
        let labels: Vec<usize> = (0..100).map(|i| i % 2).collect();
        let of =
            |seed| split_samples(&labels, &names(2), None, Fractions::default(), seed).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn groups_stay_together_and_classes_stay_balanced() {
        let labels: Vec<usize> = (0..600).map(|i| usize::from(i % 3 == 0)).collect();
        // Groups of 1 to 7 samples, and some samples without.
        let groups: Vec<String> = (0..600usize)
            .map(|i| if i % 50 == 0 { String::new() } else { format!("p{}", (i * i) % 211) })
            .collect();
        let split =
            split_samples(&labels, &names(2), Some(&groups), Fractions::default(), 9).unwrap();
        let mut home: BTreeMap<&str, Split> = BTreeMap::new();
        for s in Split::ALL {
            for &i in split.get(s).iter().filter(|&&i| !groups[i].is_empty()) {
                assert_eq!(*home.entry(&groups[i]).or_insert(s), s, "group {}", groups[i]);
            }
        }
        for class in 0..2 {
            let n = labels.iter().filter(|&&l| l == class).count() as f64;
            for (got, want) in counts(&split, &labels, class).into_iter().zip([0.72, 0.13, 0.15]) {
                assert!((got as f64 / n - want).abs() < 0.02, "{got} of {n}, want {want}");
            }
        }
    }

    #[test]
    fn groups_that_are_too_large_are_an_error() {
        let labels = [0, 0, 0, 0, 1, 1, 1, 1];
        let groups = ["a", "a", "a", "a", "b", "b", "b", "b"].map(String::from);
        let error =
            split_samples(&labels, &names(2), Some(&groups), Fractions::default(), 0).unwrap_err();
        assert!(error.to_string().contains("groups are too large"), "{error}");
    }

    #[test]
    fn a_fraction_of_zero_leaves_its_split_empty() {
        let fractions = Fractions { train: 1.0, val: 0.0, test: 1.0 };
        let split = split_samples(&[0; 10], &names(1), None, fractions, 0).unwrap();
        assert_eq!((split.train.len(), split.val.len(), split.test.len()), (5, 0, 5));
        for train in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let fractions = Fractions { train, ..Fractions::default() };
            split_samples(&[0; 10], &names(1), None, fractions, 0).unwrap_err();
        }
    }

    #[test]
    fn bad_arguments_are_errors() {
        split_samples(&[1], &names(1), None, Fractions::default(), 0).unwrap_err();
        split_samples(&[0], &names(1), Some(&[]), Fractions::default(), 0).unwrap_err();
    }
}
