# Rhat between chains as mice 3.15 reports it (convergence() calls rstan's Rhat: split, rank-normalised, folded), written out because rstan is
# not everywhere: Vehtari et al. (2021), equations 3, 14 and section 4.2. On the chains of mice itself (R 4.2). Writes rhat.json.
suppressPackageStartupMessages(library(mice))
plain <- function(x) {
  n <- nrow(x); within <- mean(apply(x, 2, var)); between <- n * var(colMeans(x))
  sqrt(((n - 1) / n * within + between / n) / within)
}
halves <- function(x) { h <- nrow(x) %/% 2; cbind(x[seq_len(h), ], x[nrow(x) - h + seq_len(h), ]) }
scores <- function(x) { x[] <- qnorm((rank(x, ties.method = "average") - 0.5) / length(x)); x }
rhat <- function(x) max(plain(scores(halves(x))), plain(scores(halves(abs(x - median(x))))))
numbers <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
entry <- function(name, x) {
  chains <- paste(apply(x, 2, numbers), collapse = ", ")
  sprintf('  {"name": "%s", "chains": [%s], "rhat": %.17g}', name, chains, rhat(x))
}
imp <- mice(nhanes, m = 5, maxit = 15, seed = 2, printFlag = FALSE)
set.seed(3)
z <- rnorm(300); pair <- data.frame(a = z + rnorm(300) / 4, b = z + rnorm(300) / 4); pair$a[1:140] <- NA; pair$b[161:300] <- NA
stuck <- mice(pair, m = 4, maxit = 10, method = "norm", seed = 4, printFlag = FALSE)
lines <- c(
  entry("nhanes bmi mean", imp$chainMean["bmi", , ]), entry("nhanes chl mean", imp$chainMean["chl", , ]),
  entry("nhanes chl sd", sqrt(imp$chainVar["chl", , ])), entry("nhanes hyp mean, many ties", imp$chainMean["hyp", , ]),
  entry("hardly ever seen together", stuck$chainMean["a", , ]), entry("hardly ever seen together, sd", sqrt(stuck$chainVar["a", , ])))
writeLines(c("[", paste(lines, collapse = ",\n"), "]"), "rhat.json")
