# Helpers shared by every CMakeLists.txt of the tree. Nothing cleverer than what a target needs said once.
include_guard(GLOBAL)
include(GoogleTest)

# Compile options of everything that is ours; private, never exported to consumers.
function(nearhit_set_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
    # GCC 12 sees overlaps in every inlined "literal" + std::string (GCC bug 105651).
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
    $<$<BOOL:${NEARHIT_WERROR}>:-Werror>)
  # The two switches below change inline code and what has to be linked, so they reach everything that links us,
  # installed or not.
  if(NEARHIT_STATUS_MUST_BE_READ)
    target_compile_definitions(${target} PUBLIC NEARHIT_STATUS_MUST_BE_READ=1)
  endif()
  if(NEARHIT_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${NEARHIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${NEARHIT_SANITIZE})
  endif()
endfunction()

# Compiles the sources of a target a few at a time, because the headers that they share (gRPC, CLI11, GoogleTest) take
# longer to read than the sources: a third of the build. Names in anonymous namespaces have to differ within a folder.
function(nearhit_compile_together target)
  if(NOT CMAKE_UNITY_BUILD)  # as scripts/check-tidy has it, of all targets
    set_target_properties(${target} PROPERTIES UNITY_BUILD ${NEARHIT_UNITY} UNITY_BUILD_BATCH_SIZE 6)
  endif()
endfunction()

# Sanitizers make the templates of GoogleTest, CLI11 and gRPC slow to optimize, and their time is not what is measured
# there: without optimization such a target compiles in a third to half of the time.
function(nearhit_compile_unoptimized target)
  if(NEARHIT_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# nearhit_add_library(NAME nearhit_x SRCS ... DEPS ... PRIVATE_DEPS ...)
# Sources see the source root, so every include is written from the top: "index/vector_index.h".
function(nearhit_add_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${ARG_NAME} STATIC ${ARG_SRCS})
  nearhit_set_options(${ARG_NAME})
  if(NEARHIT_FUZZ)
    target_compile_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer-no-link)  # what guides a fuzzer
  endif()
  target_include_directories(${ARG_NAME} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${ARG_NAME} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# nearhit_add_program(NAME x SRCS ... DEPS ...)
function(nearhit_add_program)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  nearhit_set_options(${ARG_NAME})
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS})
endfunction()

function(nearhit_threaded_test target labels)
  if(unit IN_LIST labels AND NOT single-threaded IN_LIST labels)
    add_dependencies(threaded_tests ${target})
  endif()
endfunction()

# nearhit_add_test(NAME x_test SRCS ... DEPS ... LABELS unit [SERIAL])
# One CTest entry for each test of the binary, <NAME>.<suite>.<test>, in a process of its own; with NEARHIT_TEST_ENTRIES
# off a single one, <NAME>. SERIAL: not during another test. The target threaded_tests builds those with the label unit,
# but not those that are single-threaded as well.
function(nearhit_add_test)
  cmake_parse_arguments(ARG "SERIAL" "NAME" "SRCS;DEPS;LABELS" ${ARGN})
  nearhit_add_program(NAME ${ARG_NAME} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  target_compile_options(${ARG_NAME} PRIVATE -O1)  # also where the library has more, which takes a test longer to compile
  nearhit_compile_unoptimized(${ARG_NAME})
  nearhit_threaded_test(${ARG_NAME} "${ARG_LABELS}")
  if(NOT NEARHIT_TEST_ENTRIES)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} --gtest_brief=1)
    set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 900 RUN_SERIAL ${ARG_SERIAL})
    return()
  endif()
  gtest_discover_tests(${ARG_NAME} TEST_PREFIX ${ARG_NAME}. TEST_LIST ${ARG_NAME}_list EXTRA_ARGS --gtest_brief=1
    NO_PRETTY_TYPES NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 900 RUN_SERIAL ${ARG_SERIAL})
  # Read by ctest after the tests are known. In PROPERTIES a list of labels would become one label.
  set(labels ${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}_labels.cmake)
  file(CONFIGURE OUTPUT ${labels} @ONLY CONTENT
       [[set_tests_properties(${@ARG_NAME@_list} PROPERTIES LABELS "@ARG_LABELS@")]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels})
endfunction()

# nearhit_add_fuzzer(NAME fuzz_x SRCS ... DEPS ... LABELS ...)
# With NEARHIT_FUZZ a libFuzzer program, otherwise the same target with a small main. A test replays its corpus,
# tests/fuzz/corpus/<NAME>, in every build, so fuzz targets never rot.
function(nearhit_add_fuzzer)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS;LABELS" ${ARGN})
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${ARG_NAME})
  if(NEARHIT_FUZZ)
    nearhit_add_program(NAME ${ARG_NAME} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS})
    target_link_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${ARG_NAME}_replay COMMAND ${ARG_NAME} -runs=0 ${corpus})
  else()
    nearhit_add_program(NAME ${ARG_NAME} SRCS ${ARG_SRCS} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc
                        DEPS ${ARG_DEPS})
    add_test(NAME ${ARG_NAME}_replay COMMAND ${ARG_NAME} ${corpus})
  endif()
  set_tests_properties(${ARG_NAME}_replay PROPERTIES LABELS "${ARG_LABELS};fuzz" TIMEOUT 120)
  nearhit_threaded_test(${ARG_NAME} "${ARG_LABELS}")
  add_dependencies(fuzz_targets ${ARG_NAME})
endfunction()

# nearhit_add_bench(NAME x_bench SRCS ... DEPS ...): Google Benchmark; a smoke run of each is a test. Not built with
# sanitizers, which see the same code in tests.
function(nearhit_add_bench)
  if(NEARHIT_SANITIZE)
    return()
  endif()
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  nearhit_add_program(NAME ${ARG_NAME} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS} benchmark::benchmark_main)
  if(NEARHIT_BUILD_TESTS)
    add_test(NAME ${ARG_NAME}_smoke COMMAND ${ARG_NAME} --benchmark_min_time=0.001)
    set_tests_properties(${ARG_NAME}_smoke PROPERTIES LABELS bench TIMEOUT 900)
  endif()
endfunction()
