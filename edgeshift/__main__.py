from edgeshift.cli import main

main()
