//! Embeddings that are called both ways.

use cornu_model::{Input, LayerExt, Model};
use cornu_nn::layers::{Dense, ReversibleEmbedding};
use cornu_tensor::Tensor;

fn model(embedding: ReversibleEmbedding) -> Model {
    let numbers = Input::new([4]);
    let embedding = embedding.named("words");
    let vectors = embedding.apply(&numbers).unwrap();
    let scores = embedding.apply_reverse(&vectors).unwrap();
    Model::new(&numbers, &scores).unwrap()
}

fn table(rows: usize, columns: usize) -> Tensor {
    Tensor::from_fn([rows, columns], |i| (i * i % 7) as f32 - 3.0)
}

fn numbers() -> Tensor {
    Tensor::from_fn([2, 4], |i| (i % 5) as f32)
}

fn predict(model: &mut Model) -> Tensor {
    model.predict(&numbers()).unwrap()
}

#[test]
fn scores_are_products_with_the_rows_of_the_table() {
    let mut tied = model(ReversibleEmbedding::new(5, 3));
    let paths: Vec<&str> = tied.weight_infos().iter().map(|info| info.path.as_str()).collect();
    assert_eq!(paths, ["words/embeddings"]);
    let table = table(5, 3);
    tied.set_weights(std::slice::from_ref(&table)).unwrap();
    let row = |i: usize| &table.data()[3 * i..3 * i + 3];
    let y = predict(&mut tied);
    assert_eq!(y.dims(), [2, 4, 5]);
    for (i, y) in y.data().iter().enumerate() {
        let products = row(i / 5 % 5).iter().zip(row(i % 5)).map(|(a, b)| a * b);
        assert_eq!(*y, products.sum::<f32>());
    }
}

#[test]
fn a_table_of_its_own_and_a_cap_survive_a_file() {
    let layer = ReversibleEmbedding::new(5, 3).tie_weights(false).logit_soft_cap(Some(2.0));
    let mut model = model(layer);
    let tables = [table(5, 3), table(3, 5)];
    model.set_weights(&tables).unwrap();
    let y = predict(&mut model);
    for (i, y) in y.data().iter().enumerate() {
        let row = &tables[0].data()[i / 5 % 5 * 3..][..3];
        let score: f32 = (0..3).map(|j| row[j] * tables[1].data()[j * 5 + i % 5]).sum();
        assert!((y - 2.0 * (score / 2.0).tanh()).abs() < 1e-6);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    model.save(&path).unwrap();
    assert_eq!(predict(&mut Model::load(&path).unwrap()), y);
}

#[test]
fn only_such_an_embedding_has_a_way_back() {
    let x = Input::new([3]);
    let error = Dense::new(3).handle().apply_reverse(&x).unwrap_err().to_string();
    assert!(error.contains("reverse=true for a Dense"), "{error}");
    let embedding = ReversibleEmbedding::new(5, 4).handle();
    let error = embedding.apply_reverse(&x).unwrap_err().to_string();
    assert!(error.contains("vectors of 4"), "{error}");
}
