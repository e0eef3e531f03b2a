/* A Modbus RTU slave by libmodbus, station 1: holding and input registers 0 to 99 hold 1000 plus their address, coils and
 * discrete inputs 0 to 99 are set where the address is odd. Usage: rtu_slave DEVICE BAUD */
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    modbus_t *line = argc == 3 ? modbus_new_rtu(argv[1], atoi(argv[2]), 'N', 8, 1) : NULL;
    modbus_mapping_t *map = modbus_mapping_new(100, 100, 100, 100);
    if (line == NULL || map == NULL)
        return 2;
    for (int at = 0; at < 100; at++) {
        map->tab_registers[at] = map->tab_input_registers[at] = 1000 + at;
        map->tab_bits[at] = map->tab_input_bits[at] = at % 2;
    }
    modbus_set_slave(line, 1);
    if (modbus_connect(line) != 0)
        return 3;
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
        int length = modbus_receive(line, query);
        if (length > 0)
            modbus_reply(line, query, length, map);
        else if (length < 0)
            modbus_flush(line);
    }
}
