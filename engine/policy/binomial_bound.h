// Bounds of a share of which a sample is known.
#pragma once

namespace nearhit {

// One-sided bounds of Clopper and Pearson, "The use of confidence or fiducial limits illustrated in
// the case of the binomial" (1934): with `confidence`, the share is at most, or at least, this.
// `sample` need not be whole. Requires: 0 <= found <= sample, 0 < confidence < 1.
double UpperShare(double found, double sample, double confidence);
double LowerShare(double found, double sample, double confidence);

// How many, at most `limit`, may be found while UpperShare stays at or under `share`; -1: not even
// none. Cost: in proportion to what it returns.
int MostFound(double sample, double share, double confidence, int limit);

}  // namespace nearhit
