# The published analysis in base R: writes labels, distances, merges, heights and leaf order of one CSV.
# Usage: Rscript published.R FILE.csv FROM TO OUTDIR
args <- commandArgs(trailingOnly = TRUE)
Sys.setenv(TZ = "UTC")
rows <- read.csv(args[1], as.is = TRUE)
stamp <- as.POSIXct(rows$DateEvenement, format = "%Y-%m-%d %H:%M:%S", tz = "UTC")
kept <- stamp >= as.POSIXct(args[2], tz = "UTC") & stamp < as.POSIXct(args[3], tz = "UTC")
rows <- unique(data.frame(site = rows$NumInstallation, label = rows$LibelleLongMesure, stamp = stamp,
                          value = rows$Valeur)[kept, ])
rows$hour <- format(rows$stamp, "%Y-%m-%d %H", tz = "UTC")
means <- aggregate(value ~ site + label + hour, rows, mean)
sites <- sort(unique(means$site))
hours <- sort(unique(means$hour))
grid <- function(label) {
  part <- means[means$label == label, ]
  m <- matrix(NA_real_, length(hours), length(sites))
  m[cbind(match(part$hour, hours), match(part$site, sites))] <- part$value
  m
}
outdoor <- grid("BASE_VN_T.EXTER_T.REF_CORRIGE")
ratio <- (grid("CIR1_VN_AMB_T.AMB_CORRIGE") - outdoor) / (grid("CIR1_AI_EAU_T.DEP_SONDE") - outdoor)
ratio[is.na(ratio)] <- -1
rho <- apply(ratio, 2, function(x) as.vector(pacf(x, lag.max = 50, plot = FALSE)$acf))
p <- 0.05
omega <- p * (1 - p)^seq_len(nrow(rho))
n <- ncol(rho)
d <- matrix(0, n, n)
for (i in seq_len(n)) for (j in seq_len(n)) d[i, j] <- sqrt(sum((rho[, i] - rho[, j])^2 * omega))
d[is.nan(d)] <- 9
diag(d) <- 0
tree <- hclust(as.dist(d))
put <- function(x, name) {
  write.table(format(x, digits = 17, trim = TRUE), file.path(args[4], name),
              sep = ",", quote = FALSE, row.names = FALSE, col.names = FALSE)
}
put(as.matrix(format(sites, scientific = FALSE, trim = TRUE)), "labels.csv")
put(d, "distances.csv")
put(tree$merge, "merge.csv")
put(as.matrix(tree$height), "height.csv")
put(as.matrix(tree$order), "order.csv")
