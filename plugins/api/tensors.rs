//! What a fitted model keeps of itself: named arrays of numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ndarray::{Array2, ArrayRef2};

use crate::{Error, InteractionMatrix, Result};

/// The numbers of a [`Tensor`], row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers<'a> {
    /// Bytes.
    U8(Cow<'a, [u8]>),
    /// Indices.
    U32(Cow<'a, [u32]>),
    /// Places and seeds.
    U64(Cow<'a, [u64]>),
    /// Numbers of 32 bits.
    F32(Cow<'a, [f32]>),
    /// Numbers of 64 bits.
    F64(Cow<'a, [f64]>),
}

macro_rules! numbers {
    ($($kind:ident $type:ty, $take:ident, $what:literal;)*) => {
        $(impl<'a> From<&'a [$type]> for Numbers<'a> {
            fn from(numbers: &'a [$type]) -> Self {
                Self::$kind(Cow::Borrowed(numbers))
            }
        }

        impl From<Vec<$type>> for Numbers<'_> {
            fn from(numbers: Vec<$type>) -> Self {
                Self::$kind(Cow::Owned(numbers))
            }
        })*

        impl Numbers<'_> {
            /// How many.
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$kind(numbers) => numbers.len(),)*
                }
            }

            /// Whether there is none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            fn into_owned(self) -> Numbers<'static> {
                match self {
                    $(Self::$kind(numbers) => numbers.into_owned().into(),)*
                }
            }
        }

        impl Tensors<'_> {
            $(#[doc = concat!("Takes ", $what, " out, with their shape.")]
            ///
            /// # Errors
            /// If there is none of that name and type.
            pub fn $take(&mut self, name: &str) -> Result<(Vec<usize>, Vec<$type>)> {
                match self.0.remove(name) {
                    Some(Tensor { shape, numbers: Numbers::$kind(numbers) }) => {
                        Ok((shape, numbers.into_owned()))
                    }
                    Some(_) => Err(unfit(name, concat!("does not hold ", $what))),
                    None => Err(unfit(name, "is not there")),
                }
            })*
        }
    };
}

numbers! {
    U8 u8, take_u8, "bytes";
    U32 u32, take_u32, "integers of 32 bits";
    U64 u64, take_u64, "integers of 64 bits";
    F32 f32, take_f32, "numbers of 32 bits";
    F64 f64, take_f64, "numbers of 64 bits";
}

/// An array of numbers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tensor<'a> {
    /// Its length in each dimension; their product is how many numbers there are.
    pub shape: Vec<usize>,
    /// The numbers, the last index running fastest.
    pub numbers: Numbers<'a>,
}

impl<'a> Tensor<'a> {
    /// An array of that shape.
    ///
    /// # Panics
    /// If the shape has another number of numbers.
    pub fn new(shape: Vec<usize>, numbers: impl Into<Numbers<'a>>) -> Self {
        let numbers = numbers.into();
        assert_eq!(shape.iter().product::<usize>(), numbers.len(), "{shape:?}");
        Self { shape, numbers }
    }
}

/// Arrays by their names: what [`Recommender::save`](crate::Recommender::save) gives and
/// [`Model::load`](crate::Model::load) takes. Large ones are borrowed, so that nothing is copied to be written.
///
/// A sparse matrix is three arrays, `name.starts`, `name.columns` and `name.values` (see
/// [`insert_sparse`](Self::insert_sparse)); texts are two (see [`insert_texts`](Self::insert_texts)); what belongs to a nested plugin stands under `name.` (see
/// [`nest`](Self::nest)).
///
/// ```
/// # use musicrec_api::Tensors;
/// let mut saved = Tensors::default();
/// saved.insert("scores", vec![3], vec![0.5_f64, 0.25, 1.0]);
/// assert_eq!(saved.take_f64("scores")?, (vec![3], vec![0.5, 0.25, 1.0]));
/// assert!(saved.take_f64("scores").is_err());
/// # Ok::<(), musicrec_api::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensors<'a>(BTreeMap<String, Tensor<'a>>);

impl<'a> Tensors<'a> {
    /// Adds an array.
    ///
    /// # Panics
    /// If the shape has another number of numbers.
    pub fn insert(&mut self, name: &str, shape: Vec<usize>, numbers: impl Into<Numbers<'a>>) {
        self.0.insert(name.to_owned(), Tensor::new(shape, numbers));
    }

    /// Adds a matrix. It is copied if its rows do not lie one after the other.
    pub fn insert_matrix(&mut self, name: &str, matrix: &'a ArrayRef2<f32>) {
        let shape = vec![matrix.nrows(), matrix.ncols()];
        match matrix.as_slice() {
            Some(numbers) => self.insert(name, shape, numbers),
            None => self.insert(name, shape, matrix.iter().copied().collect::<Vec<f32>>()),
        }
    }

    /// Adds a sparse matrix: row r has the `columns` and `values` from place `starts[r]` to `starts[r + 1]`.
    pub fn insert_sparse(&mut self, name: &str, matrix: &'a InteractionMatrix) {
        let starts: Vec<u64> = matrix
            .indptr()
            .to_proper()
            .iter()
            .map(|&s| s as u64)
            .collect();
        let cells = matrix.nnz();
        self.insert(&format!("{name}.starts"), vec![starts.len()], starts);
        self.insert(&format!("{name}.columns"), vec![cells], matrix.indices());
        self.insert(&format!("{name}.values"), vec![cells], matrix.data());
    }

    /// Adds texts: the bytes of all, one after the other, as `name.text`, and where each ends as `name.ends`.
    pub fn insert_texts<'t>(&mut self, name: &str, texts: impl IntoIterator<Item = &'t str>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
            ends.push(bytes.len() as u64);
        }
        self.insert(&format!("{name}.text"), vec![bytes.len()], bytes);
        self.insert(&format!("{name}.ends"), vec![ends.len()], ends);
    }

    /// Adds all that another plugin keeps of itself under a name.
    pub fn nest(&mut self, name: &str, others: Tensors<'a>) {
        for (own, tensor) in others.0 {
            self.0.insert(format!("{name}.{own}"), tensor);
        }
    }

    /// Takes out what stands under a name; nothing if nothing does.
    #[must_use]
    pub fn take_nested(&mut self, name: &str) -> Self {
        let prefix = format!("{name}.");
        let mut nested = Self::default();
        while let Some((own, _)) = self.0.range(prefix.clone()..).next()
            && own.starts_with(&prefix)
        {
            let own = own.clone();
            let tensor = self.0.remove(&own).expect("just seen");
            nested.0.insert(own[prefix.len()..].to_owned(), tensor);
        }
        nested
    }

    /// Takes a matrix of so many rows out.
    ///
    /// # Errors
    /// If there is none.
    pub fn take_matrix(&mut self, name: &str, rows: usize) -> Result<Array2<f32>> {
        let (shape, numbers) = self.take_f32(name)?;
        match shape[..] {
            [own, columns] if own == rows => Ok(Array2::from_shape_vec((rows, columns), numbers)
                .expect("a tensor has as many numbers as its shape")),
            _ => Err(unfit(
                name,
                &format!("is no matrix of {rows} rows, but {shape:?}"),
            )),
        }
    }

    /// Takes a list of so many numbers out.
    ///
    /// # Errors
    /// If there is none.
    pub fn take_list(&mut self, name: &str, count: usize) -> Result<Vec<f64>> {
        let (shape, numbers) = self.take_f64(name)?;
        if shape == [count] {
            return Ok(numbers);
        }
        Err(unfit(
            name,
            &format!("is no list of {count} numbers, but {shape:?}"),
        ))
    }

    /// Takes a list of so many numbers of 32 bits out.
    ///
    /// # Errors
    /// If there is none.
    pub fn take_list32(&mut self, name: &str, count: usize) -> Result<Vec<f32>> {
        let (shape, numbers) = self.take_f32(name)?;
        if shape == [count] {
            return Ok(numbers);
        }
        Err(unfit(
            name,
            &format!("is no list of {count} numbers, but {shape:?}"),
        ))
    }

    /// Takes texts out.
    ///
    /// # Errors
    /// If there are none.
    pub fn take_texts(&mut self, name: &str) -> Result<Vec<String>> {
        let unfit = || unfit(&format!("{name}.text"), "does not hold the texts it should");
        let (_, bytes) = self.take_u8(&format!("{name}.text"))?;
        let (_, ends) = self.take_u64(&format!("{name}.ends"))?;
        let mut begins = 0;
        let mut texts = Vec::with_capacity(ends.len());
        for end in ends {
            let end = usize::try_from(end).map_err(|_| unfit())?;
            let text = bytes.get(begins..end).ok_or_else(unfit)?;
            texts.push(std::str::from_utf8(text).map_err(|_| unfit())?.to_owned());
            begins = end;
        }
        if begins == bytes.len() {
            Ok(texts)
        } else {
            Err(unfit())
        }
    }

    /// Takes a single integer out.
    ///
    /// # Errors
    /// If there is none.
    pub fn take_integer(&mut self, name: &str) -> Result<u64> {
        match self.take_u64(name)?.1[..] {
            [one] => Ok(one),
            _ => Err(unfit(name, "is not one integer")),
        }
    }

    /// Takes a sparse matrix of so many rows and columns out.
    ///
    /// # Errors
    /// If there is none.
    pub fn take_sparse(
        &mut self,
        name: &str,
        (rows, columns): (usize, usize),
    ) -> Result<InteractionMatrix> {
        let (_, starts) = self.take_u64(&format!("{name}.starts"))?;
        let (_, indices) = self.take_u32(&format!("{name}.columns"))?;
        let (_, values) = self.take_f32(&format!("{name}.values"))?;
        let unfit = || unfit(name, &format!("is no sparse matrix of {rows} × {columns}"));
        let ascend = starts.windows(2).all(|pair| pair[0] <= pair[1]);
        let whole = starts.len() == rows + 1
            && starts[0] == 0
            && starts[rows] == indices.len() as u64
            && indices.len() == values.len();
        if !(whole && ascend) {
            return Err(unfit());
        }
        let starts = starts.into_iter().map(|start| start as usize).collect();
        InteractionMatrix::try_new((rows, columns), starts, indices, values).map_err(|_| unfit())
    }

    /// All arrays in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor<'a>)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The same with copies of what was borrowed.
    #[must_use]
    pub fn into_owned(self) -> Tensors<'static> {
        let own = |(name, tensor): (String, Tensor<'_>)| {
            let Tensor { shape, numbers } = tensor;
            let numbers = numbers.into_owned();
            (name, Tensor { shape, numbers })
        };
        Tensors(self.0.into_iter().map(own).collect())
    }
}

impl<'a> FromIterator<(String, Tensor<'a>)> for Tensors<'a> {
    fn from_iter<I: IntoIterator<Item = (String, Tensor<'a>)>>(tensors: I) -> Self {
        Self(tensors.into_iter().collect())
    }
}

fn unfit(name: &str, what: &str) -> Error {
    Error::data(format!("the array `{name}` {what}"))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::Tensors;
    use crate::InteractionMatrix;

    #[test]
    fn what_is_kept_comes_out_once_and_as_it_was() {
        let matrix = array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
        let sparse =
            InteractionMatrix::new((2, 4), vec![0, 1, 3], vec![3, 0, 2], vec![1.0, 2.0, 3.0]);
        let mut inner = Tensors::default();
        inner.insert("seed", vec![1], vec![u64::MAX]);
        let mut saved = Tensors::default();
        let turned = matrix.t();
        saved.insert_matrix("factors", &matrix);
        saved.insert_matrix("columns", &turned);
        saved.insert_sparse("weights", &sparse);
        saved.nest("of", inner.clone());
        saved.insert("official", vec![0], Vec::<u8>::new());
        let names: Vec<&str> = saved.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "columns",
                "factors",
                "of.seed",
                "official",
                "weights.columns",
                "weights.starts",
                "weights.values"
            ]
        );
        let mut saved = saved.into_owned();
        assert_eq!(saved.take_matrix("factors", 3).unwrap(), matrix);
        assert_eq!(saved.take_matrix("columns", 2).unwrap(), matrix.t());
        assert_eq!(saved.take_sparse("weights", (2, 4)).unwrap(), sparse);
        let mut nested = saved.take_nested("of");
        assert_eq!(nested, inner);
        assert_eq!(nested.take_integer("seed").unwrap(), u64::MAX);
        assert_eq!(saved.iter().len(), 1);
    }

    #[test]
    fn texts_are_told_apart_by_their_ends() {
        let texts = ["", "ü,\"\n", "", "b"];
        let mut saved = Tensors::default();
        saved.insert_texts("of", texts);
        assert_eq!(saved.clone().take_texts("of").unwrap(), texts);
        let ends: [&[u64]; 4] = [&[0, 1, 1, 7], &[0, 5, 4, 6], &[0, 5], &[0, 5, 5, u64::MAX]];
        for ends in ends {
            let mut torn = saved.clone();
            torn.insert("of.ends", vec![ends.len()], ends);
            let error = torn.take_texts("of").unwrap_err().to_string();
            assert!(error.contains("`of.text`"), "{error}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_never_a_panic() {
        let sparse = InteractionMatrix::new((1, 2), vec![0, 1], vec![1], vec![1.0]);
        let make = || {
            let mut saved = Tensors::default();
            saved.insert_sparse("w", &sparse);
            saved.insert("list", vec![2], vec![1.0_f64, 2.0]);
            saved.insert("flat", vec![2], vec![1.0_f32, 2.0]);
            saved
        };
        assert!(
            make().take_sparse("w", (1, 1)).is_err(),
            "a column too large"
        );
        assert!(make().take_sparse("w", (2, 2)).is_err(), "a row too few");
        assert!(make().take_list("list", 3).is_err());
        assert!(make().take_list("flat", 2).is_err());
        assert!(make().take_list32("flat", 3).is_err());
        assert!(make().take_list32("list", 2).is_err());
        assert!(make().take_matrix("flat", 2).is_err());
        assert!(make().take_matrix("none", 2).is_err());
        assert!(make().take_integer("list").is_err());
        let mut torn = make();
        torn.insert("w.starts", vec![2], vec![0_u64, u64::MAX]);
        assert!(torn.take_sparse("w", (1, 2)).is_err());
        let mut torn = make();
        torn.insert("w.values", vec![0], Vec::<f32>::new());
        assert!(torn.take_sparse("w", (1, 2)).is_err());
    }
}
