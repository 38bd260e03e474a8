# cmake -D BUILD_DIR=... -D SOURCE_DIR=... -D WORK_DIR=... -D CXX=... -D FLAGS=... -P consumer.cmake
# Installs a build, moves the installation elsewhere, then configures, builds and runs this folder's project on it.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/first)
file(RENAME ${WORK_DIR}/first ${WORK_DIR}/moved)

file(GLOB package ${WORK_DIR}/moved/lib*/cmake/nearhit/*.cmake ${WORK_DIR}/moved/lib*/*/cmake/nearhit/*.cmake)
if(NOT package)
  message(FATAL_ERROR "no package files were installed")
endif()
foreach(file ${package})
  file(READ ${file} text)
  foreach(path ${SOURCE_DIR} ${BUILD_DIR} ${WORK_DIR})
    string(FIND "${text}" "${path}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${file} names ${path}, where nearhit was built")
    endif()
  endforeach()
endforeach()

# Users of the library need none of what the server needs, nor the headers that only its sources include.
set(without "")
foreach(module gRPC Protobuf nlohmann_json tsl-robin-map hnswlib)
  list(APPEND without -D CMAKE_DISABLE_FIND_PACKAGE_${module}=ON)
endforeach()
run(${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK_DIR}/build ${without}
    -D CMAKE_PREFIX_PATH=${WORK_DIR}/moved -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${WORK_DIR}/build/consumer)
foreach(program nearhit nearhitd)
  if(EXISTS ${BUILD_DIR}/bin/${program})
    run(${WORK_DIR}/moved/bin/${program} --version)
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK_DIR})
