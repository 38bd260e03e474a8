#include <iostream>

#include "cli/run_cli.h"

int main(int argc, char** argv) {
  return nearhit::RunCli(argc, argv, std::cout, std::cerr);
}
