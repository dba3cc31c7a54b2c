use std::fmt::Write;

use cornu::model::Model;
use cornu::plot::chart::escaped;

use crate::error::CliError;
use crate::report::explained::{Answered, explained};
use crate::report::html::{Section, Shown};
use crate::report::material::{Material, Part};
use crate::report::pictures;
use crate::scores::{Judged, predicted};

/// Pictures of each kind.
const SHOWN: usize = 8;

/// Where the model fails, and where it does not know.
pub(in crate::report) fn mistakes(
    material: &Material<'_>,
    model: &Model,
) -> Result<Section, CliError> {
    let Some((part, judged)) = material.judged() else {
        let body =
            "<p>There are neither validation nor test pictures to judge by.</p>\n".to_owned();
        return Ok(Section { id: "mistakes", title: "Mistakes", body });
    };
    let gallery = Gallery { material, part, judged, model };
    let wrong = confident_mistakes(judged);
    let mut body = format!(
        "<h3>The most confident mistakes</h3>\n<p class=\"soft\">{} of the {} {} pictures are taken for \
         another class. These the model was most sure of: look for wrong labels, and for what the \
         pictures have in common.</p>\n",
        wrong.len(),
        judged.labels.len(),
        part.name
    );
    body += &gallery.html(&wrong)?;
    body.push_str(
        "<h3>The least certain pictures</h3>\n<p class=\"soft\">Here the two most probable classes are \
         nearest to each other.</p>\n",
    );
    body += &gallery.html(&least_certain(judged))?;
    Ok(Section { id: "mistakes", title: "Mistakes", body })
}

/// Wrong answers, those given with the highest probability first.
fn confident_mistakes(judged: &Judged) -> Vec<usize> {
    let answer = |i: usize| predicted(&judged.probabilities[i]);
    let mut wrong: Vec<usize> =
        (0..judged.labels.len()).filter(|&i| answer(i) != judged.labels[i]).collect();
    let sureness = |i: usize| judged.probabilities[i][answer(i)];
    wrong.sort_by(|&a, &b| sureness(b).total_cmp(&sureness(a)).then(a.cmp(&b)));
    wrong
}

/// All pictures, those whose two most probable classes are nearest first.
fn least_certain(judged: &Judged) -> Vec<usize> {
    let margin = |i: usize| {
        let (mut first, mut second) = (0.0, 0.0);
        for &p in &judged.probabilities[i] {
            if first < p {
                (first, second) = (p, first);
            } else if second < p {
                second = p;
            }
        }
        first - second
    };
    let mut all: Vec<usize> = (0..judged.labels.len()).collect();
    all.sort_by(|&a, &b| margin(a).total_cmp(&margin(b)).then(a.cmp(&b)));
    all
}

/// Pictures of a part with what the model says of them, and why.
struct Gallery<'a> {
    material: &'a Material<'a>,
    part: &'a Part<'a>,
    judged: &'a Judged,
    model: &'a Model,
}

impl Gallery<'_> {
    fn html(&self, indices: &[usize]) -> Result<String, CliError> {
        let Self { material, part, judged, model } = *self;
        if indices.is_empty() {
            return Ok("<p>There are none.</p>\n".to_owned());
        }
        let indices = &indices[..indices.len().min(SHOWN)];
        let all = pictures::pixels(part.samples.dataset().as_ref(), indices)?;
        let answers: Vec<Answered<'_>> = indices
            .iter()
            .zip(&all)
            .map(|(&index, pixels)| Answered {
                pixels,
                name: &part.names[index],
                class: &material.class_names[predicted(&judged.probabilities[index])],
            })
            .collect();
        let explained = explained(model, material.machine, &answers, material.shape);
        let mut html = match &explained {
            Ok(explained) => format!("{}<ul class=\"pictures explained\">\n", explained.key),
            // A network with several inputs, say.
            Err(error) => format!(
                "<p class=\"soft\">There are no maps of what the model looks at: {}.</p>\n\
                 <ul class=\"pictures\">\n",
                escaped(&error.to_string())
            ),
        };
        let mut maps =
            explained.map_or_else(|_| Vec::new(), |explained| explained.maps).into_iter();
        for (&index, pixels) in indices.iter().zip(&all) {
            let row = &judged.probabilities[index];
            let (answer, label) = (predicted(row), judged.labels[index]);
            let (is, taken) = (&material.class_names[label], &material.class_names[answer]);
            let (name, sure) = (&part.names[index], 100.0 * row[answer]);
            let verdict = match answer == label {
                true => "and recognized".to_owned(),
                false => format!("taken for {taken}"),
            };
            let alt = format!("{name}: {is}, {verdict} ({sure:.0} %)");
            let shown = pictures::shown(pixels, material.shape, pictures::SMALL, alt)?.html();
            let shown = match maps.next() {
                Some(maps) => {
                    let maps: String = maps.iter().map(Shown::html).collect();
                    format!("<div class=\"beside\">{shown}{maps}</div>")
                }
                None => shown,
            };
            let _ = writeln!(
                html,
                "<li><figure>{shown}<figcaption><b>{}</b>, {} ({sure:.0} %)<br>{}\
                 </figcaption></figure></li>",
                escaped(is),
                escaped(&verdict),
                escaped(name)
            );
        }
        html.push_str("</ul>\n");
        Ok(html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cornu::networks::Head;

    #[test]
    fn mistakes_by_sureness_and_doubts_by_margin() {
        let names = ["a".to_owned(), "b".to_owned()];
        let outputs = [0.9, 0.45, 0.8, 0.1, 0.7];
        let judged = Judged::new(Head::Binary, &outputs, &[1, 0, 0, 1, 0], &names).unwrap();
        assert_eq!(confident_mistakes(&judged), [3, 2, 4]);
        assert_eq!(least_certain(&judged), [1, 4, 2, 0, 3]);
    }
}
