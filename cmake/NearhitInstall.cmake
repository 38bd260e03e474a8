# The installed package: find_package(nearhit CONFIG) gives nearhit::nearhit, the library without the server.
include(CMakePackageConfigHelpers)
set(nearhit_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/nearhit)

# The static libraries of the engine. nearhit::nearhit and nearhit::embedding are for users; the others are what these
# link.
set(nearhit_components base net index storage embedding collection policy cache vectors engine encoder model)
foreach(component ${nearhit_components})
  set_target_properties(nearhit_${component} PROPERTIES EXPORT_NAME ${component})
endforeach()
set_target_properties(nearhit_engine PROPERTIES EXPORT_NAME nearhit)
set_target_properties(nearhit_embedding PROPERTIES EXPORT_NAME embedders)
set_target_properties(nearhit_model PROPERTIES EXPORT_NAME embedding)

list(TRANSFORM nearhit_components PREPEND nearhit_ OUTPUT_VARIABLE nearhit_targets)
install(TARGETS ${nearhit_targets} EXPORT nearhit-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET public_headers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT nearhit-targets NAMESPACE nearhit:: DESTINATION ${nearhit_package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/nearhit-config.cmake.in
  ${PROJECT_BINARY_DIR}/nearhit-config.cmake INSTALL_DESTINATION ${nearhit_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nearhit-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/nearhit-config.cmake ${PROJECT_BINARY_DIR}/nearhit-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindxxHash.cmake ${CMAKE_CURRENT_LIST_DIR}/Findutf8proc.cmake
  DESTINATION ${nearhit_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(NEARHIT_BUILD_SERVER)
  install(TARGETS nearhitd nearhit RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
