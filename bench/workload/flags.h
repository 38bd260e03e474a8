// Flags that several subcommands share.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "index/vector_index.h"
#include "nearhit/types.h"

namespace nearhit::bench {

// --metric cosine|ip|l2
void AddMetricFlag(CLI::App* command, Metric* metric);

// --encoding f32|int8
void AddEncodingFlag(CLI::App* command, Encoding* encoding);
std::string EncodingName(Encoding encoding);

// A list: repeated, or with commas.
template <typename T>
CLI::Option* AddList(CLI::App* command, const std::string& name, std::vector<T>* values,
                     const std::string& text) {
  return command->add_option(name, *values, text)->delimiter(',')->capture_default_str();
}

}  // namespace nearhit::bench
