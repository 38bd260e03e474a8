#include "bench/workload/report.h"

#include <cmath>
#include <cstdio>

namespace nearhit::bench {

void Print(const Json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void Remark(const std::string& text) {
  std::fprintf(stderr, "nearhit-bench: %s\n", text.c_str());
}

double Rounded(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) {
    return value;
  }
  const double magnitude = std::floor(std::log10(std::abs(value)));
  const double scale = std::pow(10.0, static_cast<double>(digits - 1) - magnitude);
  return std::round(value * scale) / scale;
}

}  // namespace nearhit::bench
