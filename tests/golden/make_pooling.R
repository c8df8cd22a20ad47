# Rubin's rules by mice 3.15 (R 4.2): pool() of a regression on imputed nhanes, and pool.scalar() of made-up numbers. Writes pooling.json.
suppressPackageStartupMessages(library(mice))
number <- function(x) if (is.infinite(x)) '"inf"' else sprintf("%.17g", x)
numbers <- function(x) paste0("[", paste(sapply(x, number), collapse = ", "), "]")
entry <- function(name, q, u, dfcom, p) {
  fields <- c("estimate", "ubar", "b", "t", "df", "riv", "lambda", "fmi")
  values <- sapply(fields, function(f) sprintf('"%s": %s', f, number(p[[f]])))
  sprintf('  {"name": "%s", "estimates": %s, "variances": %s, "dfcom": %s, %s}', name, numbers(q), numbers(u), number(dfcom), paste(values, collapse = ", "))
}
imp <- mice(nhanes, m = 7, seed = 1, printFlag = FALSE)
fits <- with(imp, lm(chl ~ age + bmi))
pooled <- summary(pool(fits), type = "all")
tables <- lapply(fits$analyses, function(f) coef(summary(f)))
lines <- sapply(seq_len(nrow(pooled)), function(i) {
  q <- sapply(tables, function(t) t[i, 1]); u <- sapply(tables, function(t) t[i, 2]^2)
  entry(paste("nhanes", pooled$term[i]), q, u, df.residual(fits$analyses[[1]]), as.list(pooled[i, ]))
})
scalar <- function(name, q, u, n, k) {
  p <- pool.scalar(q, u, n = n, k = k)
  lambda <- (1 + 1 / p$m) * p$b / p$t
  entry(name, q, u, n - k, list(estimate = p$qbar, ubar = p$ubar, b = p$b, t = p$t, df = p$df, riv = p$r, lambda = lambda, fmi = p$fmi))
}
lines <- c(lines,
  scalar("two imputations", c(1.2, 1.9), c(0.04, 0.05), 60, 4),
  scalar("hardly any missing", c(0.500, 0.503, 0.499), c(0.01, 0.01, 0.01), 200, 3),
  scalar("nearly all missing", c(-3, 2, 5, 1, -4), c(0.1, 0.1, 0.1, 0.1, 0.1), 1000, 5),
  scalar("no small-sample correction", c(1, 1.3, 0.8, 1.1), c(0.2, 0.25, 0.21, 0.19), Inf, 1))
writeLines(c("[", paste(lines, collapse = ",\n"), "]"), "pooling.json")
