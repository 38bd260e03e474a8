// What nearhit-bench prints: JSON lines on standard output, remarks on standard error.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace nearhit::bench {

// Keeps fields in the order in which they are written.
using Json = nlohmann::ordered_json;

// One line, flushed.
void Print(const Json& line);

// A line on standard error.
void Remark(const std::string& text);

// Cut to `digits` significant digits, so that lines can be read.
double Rounded(double value, int digits = 4);

}  // namespace nearhit::bench
