# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` and the wheel (pyproject.toml) take: programs, shim and headers as
# <prefix>/bin and <prefix>/include. The programs look for each other in their own folder.
if(AIGES_PREBUILT)
  foreach(name AIService aiges-worker libaiges-worker.so xtest libwrapper_java.so)
    set(file ${AIGES_PREBUILT}/${name})
    if(name STREQUAL "libwrapper_java.so" AND NOT EXISTS ${file})
      continue()  # Built where there was no JDK.
    elseif(NOT EXISTS ${file})
      message(FATAL_ERROR "AIGES_PREBUILT: expected ${file}, it is missing: make build makes it")
    endif()
    install(PROGRAMS ${file} DESTINATION bin)
    # As install(TARGETS) does it with --strip.
    install(CODE "if(CMAKE_INSTALL_DO_STRIP)
      execute_process(COMMAND \"${CMAKE_STRIP}\" \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/${name}\"
                      COMMAND_ERROR_IS_FATAL ANY)
    endif()")
  endforeach()
  install(FILES ${AIGES_PREBUILT}/aiges-engine.jar DESTINATION bin OPTIONAL)
else()
  install(TARGETS AIService aiges-worker xtest aiges-worker-shared
          RUNTIME DESTINATION bin LIBRARY DESTINATION bin)
  if(TARGET wrapper_java)
    install(TARGETS wrapper_java LIBRARY DESTINATION bin)
    install(FILES ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/aiges-engine.jar DESTINATION bin)
  endif()
endif()
install(TARGETS wrapper LIBRARY DESTINATION bin)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/aiges DESTINATION include)
# For asectl create, which copies them into a project.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/sdk/go ${CMAKE_SOURCE_DIR}/sdk/rust DESTINATION sdk
        PATTERN target EXCLUDE PATTERN tests EXCLUDE PATTERN Cargo.lock EXCLUDE)
# The licences of others, and the bill of materials: where a wheel has them (scripts/wheel.sh makes both).
if(AIGES_PAPERS)
  install(DIRECTORY ${AIGES_PAPERS}/ DESTINATION ${SKBUILD_METADATA_DIR})
endif()
