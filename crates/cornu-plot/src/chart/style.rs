/// Colours and lines of charts, light, dark and in print; to be put once into a page with charts.
pub const STYLE: &str = "\
.chart{--surface:#fff;--ink:#16181d;--soft:#565c66;--grid:#e3e6ea;--axis:#9aa1ab;\
--c0:#0072b2;--c1:#d55e00;--c2:#00805d;--c3:#b0528b;--c4:#9a6a00;--c5:#3b8fc4;--c6:#565c66;\
font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;font-size:12px;\
max-width:100%;height:auto;font-variant-numeric:tabular-nums}\n\
.chart text{fill:var(--soft)}\n\
.chart .title{fill:var(--ink);font-size:14px;font-weight:600}\n\
.chart .strong{fill:var(--ink)}\n\
.chart .number{fill:var(--ink);font-size:14px;font-weight:600}\n\
.chart .end{text-anchor:end}.chart .middle{text-anchor:middle}\n\
.chart .grid{stroke:var(--grid);stroke-width:1}\n\
.chart .axis{stroke:var(--axis);stroke-width:1}\n\
.chart .mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3}\n\
.chart .reference{fill:none;stroke:var(--axis);stroke-width:1.25;stroke-dasharray:4 4}\n\
.chart .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n\
.chart .whisker{stroke-width:1.5;stroke-opacity:.55}\n\
.chart .band{stroke:none;fill-opacity:.14}\n\
.chart .cell{stroke:var(--surface);stroke-width:2}\n\
.chart .l0{stroke:var(--c0)}.chart .f0{fill:var(--c0)}\n\
.chart .l1{stroke:var(--c1);stroke-dasharray:none}.chart .f1{fill:var(--c1)}\n\
.chart .l2{stroke:var(--c2);stroke-dasharray:7 3}.chart .f2{fill:var(--c2)}\n\
.chart .l3{stroke:var(--c3);stroke-dasharray:2 4}.chart .f3{fill:var(--c3)}\n\
.chart .l4{stroke:var(--c4);stroke-dasharray:9 3 2 3}.chart .f4{fill:var(--c4)}\n\
.chart .l5{stroke:var(--c5);stroke-dasharray:4 2}.chart .f5{fill:var(--c5)}\n\
.chart .l6{stroke:var(--c6);stroke-dasharray:1 3}.chart .f6{fill:var(--c6)}\n\
.chart .dot{stroke:var(--surface);stroke-width:1.5}\n\
@media (prefers-color-scheme:dark){.chart{--surface:#1b1e24;--ink:#eceef1;--soft:#b0b6c0;\
--grid:#31363f;--axis:#6d7480;--c0:#56b4e9;--c1:#f28e4b;--c2:#3cc49a;--c3:#e29ac4;--c4:#e6b43c;\
--c5:#8fc9ee;--c6:#b0b6c0}}\n\
@media print{.chart{--surface:#fff;--ink:#000;--soft:#333;--grid:#ddd;--axis:#777;--c0:#0072b2;\
--c1:#d55e00;--c2:#00805d;--c3:#b0528b;--c4:#9a6a00;--c5:#3b8fc4;--c6:#555}}\n";

/// Number of colours; later series start anew.
pub(super) const COLOURS: usize = 7;
