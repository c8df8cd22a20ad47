# Pooled chained equations by mice 3.15 (R 4.2) on the heart files of the demo: all rows in one place, a column for central's own level.
# Of 200 chains of 20 iterations the mean of the cells imputed at central: its mean and sd over the chains, by target. Writes heart_mice.json.
# From the repository: Rscript tests/golden/make_heart.R
suppressPackageStartupMessages(library(mice))
read <- function(name) cbind(read.csv(file.path("tests/data/heart", paste0(name, ".csv"))), site = name)
rows <- do.call(rbind, lapply(c("va_long_beach", "cleveland", "hungary"), read))
continuous <- c("trestbps", "chol", "thalach", "oldpeak")
targets <- c(continuous, "exang")
data <- rows[c("age", "sex", "disease", "cp", targets)]
data$cp <- factor(data$cp)
data$central <- as.numeric(rows$site == "va_long_beach")
gaps <- sapply(targets, function(name) is.na(data[[name]]) & data$central == 1)
data$exang <- factor(data$exang)
method <- setNames(ifelse(names(data) %in% continuous, "norm", ifelse(names(data) == "exang", "logreg", "")), names(data))
chains <- mice(data, m = 200, maxit = 20, method = method, seed = 1988, printFlag = FALSE)
means <- sapply(1:200, function(i) {
  filled <- complete(chains, i)
  sapply(targets, function(name) if (any(gaps[, name])) mean(as.numeric(as.character(filled[[name]]))[gaps[, name]]) else NA)
})
lines <- sapply(targets, function(name) sprintf('  "%s": {"n_missing": %d, "mean": %.10g, "sd": %.10g}', name, sum(gaps[, name]), mean(means[name, ]), sd(means[name, ])))
writeLines(c("{", paste(lines, collapse = ",\n"), "}"), "tests/golden/heart_mice.json")
