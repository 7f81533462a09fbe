[000h 0000 004h]                   Signature : "IORT"    [IO Remapping Table]
[004h 0004 004h]                Table Length : 00000144
[008h 0008 001h]                    Revision : 06
[009h 0009 001h]                    Checksum : E6
[00Ah 0010 006h]                      Oem ID : "BOCHS "
[010h 0016 008h]                Oem Table ID : "BXPC    "
[018h 0024 004h]                Oem Revision : 00000001
[01Ch 0028 004h]             Asl Compiler ID : "BXPC"
[020h 0032 004h]       Asl Compiler Revision : 00000001

[024h 0036 004h]                  Node Count : 00000004
[028h 0040 004h]                 Node Offset : 00000030
[02Ch 0044 004h]                    Reserved : 00000000

[030h 0048 001h]                        Type : 00
[031h 0049 002h]                      Length : 0018
[033h 0051 001h]                    Revision : 01
[034h 0052 004h]                  Identifier : 00000000
[038h 0056 004h]               Mapping Count : 00000000
[03Ch 0060 004h]              Mapping Offset : 00000000

[040h 0064 004h]                    ItsCount : 00000001
[044h 0068 004h]                 Identifiers : 00000000

[048h 0072 001h]                        Type : 04
[049h 0073 002h]                      Length : 006C
[04Bh 0075 001h]                    Revision : 05
[04Ch 0076 004h]                  Identifier : 00000001
[050h 0080 004h]               Mapping Count : 00000002
[054h 0084 004h]              Mapping Offset : 00000044

[058h 0088 008h]                Base Address : 000000000C000000
[060h 0096 004h]       Flags (decoded below) : 00000011
                             COHACC Override : 1
                               HTTU Override : 0
                      Proximity Domain Valid : 0
                              DeviceID Valid : 1
[064h 0100 004h]                    Reserved : 00000000
[068h 0104 008h]               VATOS Address : 0000000000000000
[070h 0112 004h]                       Model : 00000000
[074h 0116 004h]                  Event GSIV : 00000090
[078h 0120 004h]                    PRI GSIV : 00000091
[07Ch 0124 004h]                   GERR GSIV : 00000093
[080h 0128 004h]                   Sync GSIV : 00000092
[084h 0132 004h]            Proximity Domain : 00000000
[088h 0136 004h]     Device ID Mapping Index : 00000001

[08Ch 0140 004h]                  Input base : 00000000
[090h 0144 004h]                    ID Count : 0000FFFF
[094h 0148 004h]                 Output Base : 00000000
[098h 0152 004h]            Output Reference : 00000030
[09Ch 0156 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[0A0h 0160 004h]                  Input base : 00000000
[0A4h 0164 004h]                    ID Count : 00000000
[0A8h 0168 004h]                 Output Base : 0000FFFF
[0ACh 0172 004h]            Output Reference : 00000030
[0B0h 0176 004h]       Flags (decoded below) : 00000001
                              Single Mapping : 1

[0B4h 0180 001h]                        Type : 02
[0B5h 0181 002h]                      Length : 0038
[0B7h 0183 001h]                    Revision : 03
[0B8h 0184 004h]                  Identifier : 00000002
[0BCh 0188 004h]               Mapping Count : 00000001
[0C0h 0192 004h]              Mapping Offset : 00000024

[0C4h 0196 008h]           Memory Properties : [IORT Memory Access Properties]
[0C4h 0196 004h]             Cache Coherency : 00000001
[0C8h 0200 001h]       Hints (decoded below) : 00
                                   Transient : 0
                              Write Allocate : 0
                               Read Allocate : 0
                                    Override : 0
[0C9h 0201 002h]                    Reserved : 0000
[0CBh 0203 001h] Memory Flags (decoded below) : 03
                                   Coherency : 1
                            Device Attribute : 1
               Ensured Coherency of Accesses : 0
[0CCh 0204 004h]               ATS Attribute : 00000000
[0D0h 0208 004h]          PCI Segment Number : 00000000
[0D4h 0212 001h]           Memory Size Limit : 40
[0D5h 0213 002h]          PASID Capabilities : 0000
[0D7h 0215 001h]                    Reserved : 00

[0D8h 0216 004h]                  Input base : 00000000
[0DCh 0220 004h]                    ID Count : 0000FFFF
[0E0h 0224 004h]                 Output Base : 00000000
[0E4h 0228 004h]            Output Reference : 00000048
[0E8h 0232 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[0ECh 0236 001h]                        Type : 06
[0EDh 0237 002h]                      Length : 0058
[0EFh 0239 001h]                    Revision : 03
[0F0h 0240 004h]                  Identifier : 00000003
[0F4h 0244 004h]               Mapping Count : 00000002
[0F8h 0248 004h]              Mapping Offset : 00000030

[0FCh 0252 004h]       Flags (decoded below) : 00000005
                         Remapping Permitted : 1
                           Access Privileged : 0
                           Access Attributes : 01
[100h 0256 004h]   Number of RMR Descriptors : 00000001
[104h 0260 004h]       RMR Descriptor Offset : 0000001C

[108h 0264 008h]         Base Address of RMR : 0000000008000000
[110h 0272 008h]               Length of RMR : 0000000000100000
[118h 0280 004h]                    Reserved : 00000000

[11Ch 0284 004h]                  Input base : 00000100
[120h 0288 004h]                    ID Count : 000001FF
[124h 0292 004h]                 Output Base : 00000100
[128h 0296 004h]            Output Reference : 00000048
[12Ch 0300 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0

[130h 0304 004h]                  Input base : 00000500
[134h 0308 004h]                    ID Count : 000002FF
[138h 0312 004h]                 Output Base : 00000500
[13Ch 0316 004h]            Output Reference : 00000048
[140h 0320 004h]       Flags (decoded below) : 00000000
                              Single Mapping : 0
