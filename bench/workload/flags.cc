#include "bench/workload/flags.h"

namespace nearhit::bench {

void AddMetricFlag(CLI::App* command, Metric* metric) {
  command
      ->add_option_function<std::string>(
          "--metric",
          [metric](const std::string& text) {
            *metric = text == "l2"   ? Metric::kL2
                      : text == "ip" ? Metric::kInnerProduct
                                     : Metric::kCosine;
          },
          "cosine (default), ip or l2")
      ->check(CLI::IsMember({"cosine", "ip", "l2"}));
}

void AddEncodingFlag(CLI::App* command, Encoding* encoding) {
  command
      ->add_option_function<std::string>(
          "--encoding",
          [encoding](const std::string& text) {
            *encoding = text == "f32" ? Encoding::kFloat32 : Encoding::kInt8;
          },
          "Of nearhit, graph and flat: int8 (default) or f32")
      ->check(CLI::IsMember({"f32", "int8"}));
}

std::string EncodingName(Encoding encoding) {
  return encoding == Encoding::kFloat32 ? "f32" : "int8";
}

}  // namespace nearhit::bench
