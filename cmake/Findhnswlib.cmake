# Debian's libhnswlib-dev 0.6.2 ships headers only: no CMake config, no version file.
# Defines hnswlib::hnswlib. Only index/graph_store.cc may include it, and bench/peers in a library of its own.
find_path(hnswlib_INCLUDE_DIR hnswlib/hnswalg.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(hnswlib REQUIRED_VARS hnswlib_INCLUDE_DIR)
if(hnswlib_FOUND AND NOT TARGET hnswlib::hnswlib)
  add_library(hnswlib::hnswlib INTERFACE IMPORTED)
  target_include_directories(hnswlib::hnswlib SYSTEM INTERFACE ${hnswlib_INCLUDE_DIR})
endif()
mark_as_advanced(hnswlib_INCLUDE_DIR)
